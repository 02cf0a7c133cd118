// What `regmirror warm` shows on a terminal, large and tiny, and in a pipe: looked at while it runs and when
// it has ended.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { Pty } from '../support/pty.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'

const skip = Pty.unavailable() ?? false
const TIMEOUT = { skip, timeout: 60_000 }
const SMALL = ['box1', 'box2', 'box3']
const BIG = buildImage({ seed: 'shown, big', form: 'oci', bigLayers: 1, bigLayerMiB: 4 })
const STALLS_AFTER = 2 * 2 ** 20
const LIST = [...SMALL, 'big', 'absent'].map((name) => `${name}:1\n`).join('')

// Three small images, one whose download stalls half way until release(), and one that does not exist.
async function setting() {
  await using stack = new AsyncDisposableStack()
  const upstream = stack.use(await ScriptedUpstream.start())
  for (const name of SMALL) {
    upstream.addImage(`library/${name}`, '1', buildImage({ seed: `shown, ${name}`, form: 'oci' }))
  }
  upstream.addImage('library/big', '1', BIG)
  const path = '/library/big/blobs/'
  const stall = { after: STALLS_AFTER }
  upstream.script({ method: 'GET', path, times: 99, reply: { stall } })
  const temp = stack.use(new TempFolder('shown'))
  writeFileSync(temp.join('mirror.txt'), LIST)
  const args = [
    ...['warm', 'mirror.txt', '--platform', 'linux/amd64', '--data', temp.join('data')],
    ...['--min-free', '0B', '--registry', `docker.io=${upstream.url}`],
  ]
  return Object.assign(stack.move(), { upstream, temp, args })
}

async function seen(pty: Pty, part: RegExp): Promise<readonly string[]> {
  const probe = async (): Promise<readonly string[] | undefined> => {
    const screen = await pty.terminal.screen()
    return part.test(screen.join('\n')) ? screen : undefined
  }
  try {
    return await waitUntil(probe, { what: `${part.source} on the screen` })
  } catch (error) {
    throw new Error((await pty.terminal.everything()).join('\n'), { cause: error })
  }
}

test(
  '80 columns and 24 rows: what is in flight, what is done, and the last words',
  TIMEOUT,
  async () => {
    await using all = await setting()
    const { upstream, temp, args } = all
    await using pty = new Pty(binaryPath(), args, { columns: 80, rows: 24, cwd: temp.path })
    const screen = await seen(pty, /^big:1 .* 2 MiB of [\s\S]*4\/5 images/m)
    assert.equal(await pty.terminal.isAnyWrapped(), false, screen.join('\n'))
    const block = screen.slice(-2).join('\n')
    assert.match(block, /^big:1 {2}█+░+ +2 MiB of 5 MiB +\d+ %\n4\/5 images · .* 1 failed$/)
    const above = screen.slice(0, -2).filter((line) => /^(?:warmed|failed)/.test(line))
    assert.equal(above.length, 4, 'a line for each that is done')
    upstream.release()
    assert.equal(await pty.exited, 1)
    const end = await pty.terminal.screen()
    assert.equal(
      end.filter((line) => line.startsWith('big:1')).length,
      0,
      'nothing of the block is left',
    )
    assert.ok(end.some((line) => line.startsWith('warmed  docker.io/library/big:1  ')))
    assert.ok(end.some((line) => line.startsWith('warmed 4, failed 1 of 5 images in ')))
    assert.match(end.join('\n'), /^failed {2}line 5 {2}docker\.io\/library\/absent:1/m)
    assert.equal((await pty.terminal.cursor()).column, 0)
  },
)

test('20 columns and 5 rows: a footer, and the last words', TIMEOUT, async () => {
  await using all = await setting()
  const { upstream, temp, args } = all
  await using pty = new Pty(binaryPath(), args, { columns: 20, rows: 5, cwd: temp.path })
  const screen = await seen(pty, /^4\/5 images\n.* MiB of .* MiB$/m)
  assert.ok(screen.length <= 4, screen.join('\n'))
  upstream.release()
  assert.equal(await pty.exited, 1)
  const everything = await pty.terminal.everything()
  const said = everything.join(' ').replaceAll(/\s+/g, ' ')
  assert.doesNotMatch(said, /\d\/5 images/, 'nothing of the footer is left')
  for (const name of [...SMALL, 'big'])
    assert.match(said, new RegExp(`warmed docker.io/library/${name}:1`))
  assert.match(said, /warmed 4, failed 1 of 5 images in/)
})

test('Ctrl-C ends it in good order, and the terminal is as it was', TIMEOUT, async () => {
  await using all = await setting()
  const { temp, args } = all
  await using pty = new Pty(binaryPath(), args, { columns: 80, rows: 24, cwd: temp.path })
  await seen(pty, /^big:1 .* 2 MiB of /m)
  pty.type('\u0003')
  assert.equal(await pty.exited, 130)
  const screen = await pty.terminal.screen()
  const at = screen.findIndex((line) => line.includes('stopping in good order'))
  assert.ok(at > 0, screen.join('\n'))
  const after = screen.slice(at + 1)
  assert.ok(after[0]?.startsWith('warmed 3, failed 1, left for the next run 1 of 5 images in '))
  assert.match(after.join(' '), /the same command goes on from there/)
  assert.match(after.join('\n'), /^left {4}line 4 {2}docker\.io\/library\/big:1/m)
  assert.doesNotMatch(screen.join('\n'), /images · /, 'nothing of the block is left')
  assert.equal((await pty.terminal.cursor()).column, 0)
})

test('a pipe gets whole lines and no escape', TIMEOUT, async () => {
  await using all = await setting()
  const { upstream, temp, args } = all
  const file = temp.join('said')
  const words = ['-c', 'exec "$@" 2>"$0"', file, binaryPath(), ...args]
  await using program = new Program('sh', words, { cwd: temp.path, env: { FORCE_COLOR: '1' } })
  writeFileSync(file, '')
  const said = (): string => readFileSync(file, 'utf8')
  const isFailed = (): boolean => said().includes('failed  docker.io/library/absent:1')
  await waitUntil(isFailed, { what: 'a failure said at once' })
  upstream.release()
  upstream.clearScript()
  const { code } = await program.exited
  assert.equal(code, 1)
  assert.doesNotMatch(said(), /[\u0000-\u0009\u000b-\u001f]/)
  const verbs = said().match(/^(?:warmed|failed|price|note|fresh)(?= {2,})/gm)
  assert.deepEqual(verbs?.toSorted(), [
    ...['failed', 'failed', 'price', 'warmed', 'warmed', 'warmed', 'warmed'],
  ])
  assert.equal(program.stdout, '')
})
