// ls, stats, rm, gc and verify as people type them: through a running server, and on the folder of one
// that is stopped.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'

const skip = unavailable('docker-registry') ?? Skopeo.unavailable() ?? false
const both = buildImage({ seed: 'looking', form: 'oci', smallLayers: 2 })
const single = buildImage({ seed: 'looking, single', form: 'oci', architectures: ['amd64'] })

interface Listed {
  readonly reference: string
  readonly digest: string
  readonly platforms: readonly { readonly platform: string | null; readonly complete: boolean }[]
  readonly sizeBytes: number
  readonly sharedBytes: number
  readonly lastPullAt: string | null
}

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function command(folder: string, ...args: string[]): Promise<Outcome> {
  const program = new Program(binaryPath(), [...args, '--data', folder])
  const { code } = await program.exited
  const { stdout, stderr } = program.lines
  return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

async function listed(folder: string, ...args: string[]): Promise<readonly Listed[]> {
  const { stdout } = await command(folder, 'ls', '--json', ...args)
  return JSON.parse(stdout) as Listed[]
}

async function get(url: string): Promise<number> {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.status
}

// One platform of library/box:1, by hand as a client does that wants no other; all of org/tool:2.
async function filled(): Promise<AsyncDisposableStack & { readonly mirror: RegMirror }> {
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(await DockerRegistry.start())
  await pushImage(registry.url, 'library/box', '1', both)
  await pushImage(registry.url, 'org/tool', '2', single)
  const registries = { 'docker.io': registry.url, 'ghcr.io': registry.url }
  const mirror = stack.use(await RegMirror.start({ registries }))
  const [arm] = both.platforms.filter(({ architecture }) => architecture === 'arm64')
  const box = (kind: string, reference: string): string =>
    `${mirror.url}/v2/library/box/${kind}/${reference}`
  assert.equal(await get(box('manifests', '1')), 200)
  for (const { digest } of both.platforms.map(({ manifest }) => manifest)) {
    assert.equal(await get(box('manifests', digest)), 200)
  }
  for (const { digest } of arm ? [arm.config, ...arm.layers] : []) {
    assert.equal(await get(box('blobs', digest)), 200)
  }
  {
    await using skopeo = await Skopeo.start({ url: mirror.url })
    await skopeo.pull('ghcr.io/org/tool:2')
  }
  return Object.assign(stack.move(), { mirror })
}

test(
  'what is cached is told by a running server and by its folder alone',
  { skip, timeout: 120_000 },
  async () => {
    await using setting = await filled()
    const { mirror } = setting
    const { dataFolder } = mirror
    for (const isRunning of [true, false]) {
      if (!isRunning) await mirror.stop()
      const images = await listed(dataFolder)
      assert.deepEqual(
        images.map(({ reference, digest, platforms }) => ({ reference, digest, platforms })),
        [
          {
            reference: 'docker.io/library/box:1',
            digest: both.top.digest,
            platforms: [
              { platform: 'linux/amd64', complete: false },
              { platform: 'linux/arm64/v8', complete: true },
            ],
          },
          {
            reference: 'ghcr.io/org/tool:2',
            digest: single.top.digest,
            platforms: [{ platform: null, complete: true }],
          },
        ],
      )
      for (const { lastPullAt } of images) assert.match(lastPullAt ?? '', /^\d{4}-\d\d-\d\dT/)
      const [, tool] = images
      const sizes = [
        single.top,
        ...(single.platforms[0]?.layers ?? []),
        single.platforms[0]?.config,
      ]
      assert.equal(
        tool?.sizeBytes,
        sizes.reduce((sum, each) => sum + (each?.size ?? 0), 0),
      )

      for (const prefix of ['box', 'docker.io/library/b', 'library/box:1', 'box@sha256:']) {
        const found = await listed(dataFolder, prefix)
        assert.deepEqual(
          found.map(({ reference }) => reference),
          ['docker.io/library/box:1'],
          prefix,
        )
      }
      const table = await command(dataFolder, 'ls')
      const [head, first] = table.stdout.split('\n')
      assert.match(head ?? '', /^IMAGE +PLATFORMS +SIZE/)
      assert.match(
        first ?? '',
        /^docker\.io\/library\/box:1 +linux\/amd64 \(partial\), linux\/arm64\/v8 /,
      )
      const who = isRunning ? `through the running server` : 'opened by this command'
      assert.ok(table.stderr.startsWith(`regmirror: ${dataFolder}, ${who}`), table.stderr)
      const none = await command(dataFolder, 'ls', 'nothing')
      assert.deepEqual([none.code, none.stdout], [0, ''])
      assert.match(none.stderr, /nothing cached begins with nothing/)
    }
  },
)

test(
  'stats, verify and gc tell what happened, for people and for programs',
  { skip, timeout: 120_000 },
  async () => {
    await using setting = await filled()
    const { mirror } = setting
    const { dataFolder } = mirror
    const stats = await command(dataFolder, 'stats', '--json')
    const told = JSON.parse(stats.stdout) as {
      readonly days: readonly {
        registry: string
        hits: number
        misses: number
        fetchedBytes: number
      }[]
      readonly total: { servedBytes: number; fetchedBytes: number }
      readonly store: { blobs: number }
    }
    assert.deepEqual(
      [...new Set(told.days.map(({ registry }) => registry))],
      ['docker.io', 'ghcr.io'],
    )
    assert.ok(told.days.every(({ misses }) => misses > 0))
    assert.ok(told.total.servedBytes >= told.total.fetchedBytes)
    assert.ok(told.store.blobs > 0)
    assert.match((await command(dataFolder, 'stats')).stdout, /^DAY +REGISTRY +HITS/)
    const wrong = await command(dataFolder, 'stats', '--days', 'many')
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /--days: give one whole number/)

    const verified = await command(dataFolder, 'verify', '--deep')
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(verified.stderr, /checked \d+ blobs .* all is well/)
    const planned = await command(dataFolder, 'gc', '--plan')
    assert.equal(planned.code, 0, planned.stderr)
    assert.match(planned.stderr, /nothing would be removed/)
    assert.equal((await listed(dataFolder)).length, 2)
  },
)

test(
  'rm removes what is named, keeps what others use, and names what was meant',
  { skip, timeout: 120_000 },
  async () => {
    await using setting = await filled()
    const { mirror } = setting
    const { dataFolder } = mirror
    const references = async (): Promise<string[]> =>
      (await listed(dataFolder)).map(({ reference }) => reference)

    const slip = await command(dataFolder, 'rm', 'bxo:1', 'box:2')
    assert.equal(slip.code, 1)
    assert.match(slip.stderr, /bxo:1 is not cached; did you mean docker\.io\/library\/box:1\?/)
    assert.match(slip.stderr, /box:2 is not cached; did you mean docker\.io\/library\/box:1\?/)
    const gone = await command(dataFolder, 'rm', 'box:1', 'zoo')
    assert.equal(gone.code, 1)
    assert.match(gone.stderr, /removed docker\.io\/library\/box:1 \(.* freed\)/)
    assert.deepEqual(await references(), ['ghcr.io/org/tool:2'])
    // It comes again when it is pulled again.
    assert.equal(await get(`${mirror.url}/v2/library/box/manifests/1`), 200)
    assert.deepEqual(await references(), ['docker.io/library/box:1', 'ghcr.io/org/tool:2'])
    const digest = both.top.digest.slice(0, 'sha256:'.length + 12)
    assert.equal((await command(dataFolder, 'rm', `box@${digest}`)).code, 0)
    assert.deepEqual(await references(), ['ghcr.io/org/tool:2'])
    const wrong = await command(dataFolder, 'rm', '')
    assert.deepEqual([wrong.code, /an empty name names no image/.test(wrong.stderr)], [2, true])
    assert.equal(await get(`${mirror.url}/v2/library/box/manifests/1`), 200)
    await mirror.stop()
    const all = await command(dataFolder, 'rm', 'ghcr.io/org/*', 'box:*')
    assert.equal(all.code, 0, all.stderr)
    assert.match(all.stderr, /2 removed/)
    assert.deepEqual(await references(), [])
    assert.match((await command(dataFolder, 'ls')).stderr, /nothing is cached yet/)
  },
)

test(
  'gc removes an image that no tag points to, and says so',
  { skip, timeout: 120_000 },
  async () => {
    await using registry = await DockerRegistry.start()
    await pushImage(registry.url, 'library/box', '1', both)
    await using mirror = await RegMirror.start({
      registries: { 'docker.io': registry.url },
      args: ['--tag-ttl', '0'],
    })
    const manifest = `${mirror.url}/v2/library/box/manifests/1`
    assert.equal(await get(manifest), 200)
    await pushImage(registry.url, 'library/box', '1', single)
    assert.equal(await get(manifest), 200)
    for (const { digest } of single.platforms.flatMap(({ config, layers }) => [
      config,
      ...layers,
    ])) {
      assert.equal(await get(`${mirror.url}/v2/library/box/blobs/${digest}`), 200)
    }
    await mirror.stop()
    const { dataFolder } = mirror
    const ask = ['gc', '--keep-untagged', '0', '--json']
    const planned = await command(dataFolder, ...ask, '--plan')
    const gone = await command(dataFolder, ...ask)
    for (const { code, stdout, stderr } of [planned, gone]) {
      assert.equal(code, 0, stderr)
      assert.equal((JSON.parse(stdout) as { images: number }).images, 1, stdout)
    }
    const left = await listed(dataFolder)
    assert.deepEqual(
      left.map(({ digest }) => digest),
      [single.top.digest],
    )
    assert.match((await command(dataFolder, 'gc')).stderr, /nothing had to be removed/)
  },
)

test('the help of a command shows its own options and what matters for it', async () => {
  const { stdout } = await command('/nowhere', 'gc', '--help')
  for (const name of ['plan', 'json', 'data', 'config', 'keep-untagged', 'max-size']) {
    assert.match(stdout, new RegExp(`--${name} `))
  }
  assert.doesNotMatch(stdout, /--(listen|proxy|tls) /)
  assert.match(stdout, /other options of "regmirror serve" are accepted too/)
  assert.ok(stdout.indexOf('--plan') < stdout.indexOf('--data'))
})
