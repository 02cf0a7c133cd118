// `regmirror serve --warm` on the built program: it says when it warms what, catches up what it missed, and
// serves also where the list is wrong, but not where its time is.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { openStore } from '../../src/store/store.ts'
import { binaryPath } from '../support/binary.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { TempFolder } from '../support/temp-folder.ts'

const NAME = 'registry.test'
const DAY_MS = 24 * 3_600_000

async function setting(t: TestContext) {
  const temp = new TempFolder('schedule')
  t.after(() => temp.close())
  const upstream = await ScriptedUpstream.start()
  t.after(() => upstream.close())
  upstream.addImage('app', '1', buildImage({ seed: 'app', form: 'oci' }))
  const list = temp.join('mirror.txt')
  const data = temp.join('data')
  writeFileSync(list, `${NAME}/app:1\n`)
  const where = ['--data', data, '--min-free', '0B', '--registry', `${NAME}=${upstream.url}`]
  const command = (name: string, ...args: readonly string[]): Program => {
    const listen = name === 'serve' ? ['--listen', '127.0.0.1:0'] : []
    const program = new Program(binaryPath(), [name, ...args, ...where, ...listen], {
      cwd: temp.path,
    })
    t.after(() => program.stop('SIGKILL'))
    return program
  }
  return { upstream, list, data, command }
}

/** As a server leaves it that was switched off days ago. */
async function ranDaysAgo(data: string, list: string): Promise<void> {
  const store = await openStore(data, 1)
  const startedAt = Date.now() - 3 * DAY_MS
  const report = {
    startedAt: new Date(startedAt).toISOString(),
    outcome: 'done',
    sources: [list],
    paths: [list],
  }
  const run = { startedAt, lists: [list], report: JSON.stringify(report), results: '[]' }
  await store.index.recordWarmRun(run)
  await store.close()
}

suite('a server that warms a list by itself', () => {
  test('says when, and how to begin at once; and the same list can be begun from another shell', async (t) => {
    const { command, list } = await setting(t)
    const server = command('serve', '--warm', list, '--warm-at', '03:15')
    await server.waitForLine(
      /^ {2}warming +\S+mirror\.txt \(1 line\), next at \d{4}-\d\d-\d\d 03:15$/,
    )
    await server.waitForLine(
      /was never warmed: that begins at .* 03:15; to begin at once: regmirror warm --data \S+data \S+mirror\.txt/,
    )
    const { code } = await command('warm', list).exited
    assert.equal(code, 0)
    await server.waitForLine(/warming \S+ has ended: 1 warmed/)
  })

  test('catches up what it missed', async (t) => {
    const { command, list, data, upstream } = await setting(t)
    await ranDaysAgo(data, list)
    const server = command('serve', '--warm', list)
    await server.waitForLine(
      /mirror\.txt was due and was not warmed, or not to its end: it begins now/,
    )
    await server.waitForLine(/warming \S+ has ended: 1 warmed, 0 fresh, 0 failed/)
    assert.equal(upstream.log.find({ method: 'HEAD' }).length, 1)
    assert.equal((await server.stop()).code, 0)
  })

  test('serves where the list is wrong, and says all that is; a wrong time it refuses', async (t) => {
    const { command, list } = await setting(t)
    const refuses = async (args: readonly string[], ...sentences: RegExp[]): Promise<void> => {
      const program = command('serve', ...args)
      const { code } = await program.exited
      assert.equal(code, 2, program.report())
      for (const sentence of sentences) assert.match(program.stderr, sentence)
    }
    writeFileSync(list, 'app^1\nnginx newset=2\n')
    const server = command('serve', '--warm', list)
    await server.waitForLine(/mirror\.txt:1:4: a ":" is missing/)
    await server.waitForLine(/mirror\.txt:2:7: .*newest/)
    await server.waitForLine(
      /^ {2}warming +NOTHING: \S+mirror\.txt cannot be used \(2 problems, see the log\)$/,
    )
    assert.equal((await server.stop()).code, 0)
    const other = command('serve', '--warm', `${list}.old`)
    await other.waitForLine(/there is no file \S+mirror\.txt\.old; did you mean/)
    await other.waitForLine(/^ {2}warming +NOTHING: .* \(1 problem, see the log\)$/)
    assert.equal((await other.stop()).code, 0)
    await refuses(
      ['--warm', list, '--warm-at', '25:00'],
      /--warm-at: "25:00" is no time that comes/,
    )
    await refuses(['--warm-at', '01:30'], /--warm-at: is when to warm a list, and there is none/)
  })
})
