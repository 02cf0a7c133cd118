// The allow list on the packaged program: what starts with it, what is refused, and what people see.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { Containerd } from '../support/containerd.ts'
import { buildImage } from '../support/images.ts'
import { Program, run } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'

const folder = new TempFolder('e2e-allow')
after(() => folder.close())

function listFile(name: string, ...lines: readonly string[]): string {
  writeFileSync(folder.join(name), `${lines.join('\n')}\n`)
  return folder.join(name)
}

async function ended(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = new Program(binaryPath(), [...args, '--data', folder.join('data')], {
    ...{ cwd: folder.path, env },
  })
  const { code } = await program.exited
  return { code, said: program.stderr }
}

test('a list that is wrong or not there keeps what fetches from starting, with every problem', async () => {
  const wrong = listFile('wrong.txt', 'nginx', 'b//d', 'ngi nx:1')
  for (const [args, env] of [
    [['serve', '--allow', wrong, '--listen', '127.0.0.1:0'], {}],
    [['warm', 'nginx:1'], { REGMIRROR_BLOCK: wrong }],
  ] as const) {
    const { code, said } = await ended(args, env)
    assert.equal(code, 2, said)
    assert.match(said, /^regmirror: .*wrong\.txt:2:3: .*\nregmirror: .*wrong\.txt:3:5: /m)
  }
  const gone = await ended(['serve', '--allow', 'gone.txt', '--listen', '127.0.0.1:0'])
  assert.equal(gone.code, 2)
  assert.match(gone.said, /there is no file .*gone\.txt/)
})

const withSkopeo = { skip: Skopeo.unavailable() ?? false, timeout: 60_000 }

test('skopeo is told at once what is not allowed, and copies what is', withSkopeo, async () => {
  const image = buildImage({ seed: 'e2e allow', form: 'oci' })
  await using upstream = await ScriptedUpstream.start()
  for (const name of ['library/app', 'library/other']) upstream.addImage(name, '1', image)
  const allow = listFile('allows.txt', 'docker.io/library/app:1', 'ghcr.io/**')
  const registries = { 'docker.io': upstream.url }
  await using mirror = await RegMirror.start({ registries, args: ['--allow', allow] })
  await using skopeo = await Skopeo.start({ url: mirror.url })
  assert.equal(await skopeo.pull('docker.io/library/app:1'), image.top.digest)
  upstream.log.clear()
  await assert.rejects(
    skopeo.pull('docker.io/library/other:1'),
    /denied: docker\.io\/library\/other is not on this mirror's allow list: ask whoever runs/,
  )
  await assert.rejects(skopeo.pull('docker.io/library/app:2'), /which has other tags of/)
  assert.deepEqual(upstream.log.all, [])
  const { stdout } = await run(binaryPath(), ['config', '--allow', allow])
  assert.match(stdout, /^allow: .*allows\.txt {2}# --allow$/m)
})

const withContainerd = { skip: Containerd.unavailable() ?? false, timeout: 60_000 }

test(
  'containerd takes the 403 of its mirror and goes on to the origin',
  withContainerd,
  async () => {
    await using upstream = await ScriptedUpstream.start()
    const allow = listFile('one.txt', 'docker.io/library/app')
    const registries = { 'docker.io': upstream.url }
    await using mirror = await RegMirror.start({ registries, args: ['--allow', allow] })
    await using containerd = await Containerd.start({ url: mirror.url })
    await assert.rejects(containerd.pull('docker.io/library/other:1'), (error: Error) => {
      assert.match(error.message, /trying next host/)
      assert.match(error.message, /pulling from host 127\.0\.0\.1:\d+ failed .*403 Forbidden/)
      return true
    })
    assert.deepEqual(upstream.log.all, [])
  },
)
