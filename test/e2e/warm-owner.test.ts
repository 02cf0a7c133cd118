// Who warms, on the built program: a running server or the command itself; who asks for the same follows,
// who asks for other lists waits, a run ends when nobody waits for it any more, and who leaves the store
// leaves to the next one what others wait for.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { WarmReport } from '../../src/care/warm-job.ts'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'

const NAME = 'registry.test'
const ARRIVED = 1024 * 1024
const IMAGE = {
  form: 'oci',
  architectures: ['amd64'],
  smallLayers: 1,
  bigLayers: 1,
  bigLayerMiB: 2,
} as const

/** The big layers of `app` and `web` stop in the middle until `upstream.release()`. */
async function setting(t: TestContext) {
  const temp = new TempFolder('warm-owner')
  t.after(() => temp.close())
  const upstream = await ScriptedUpstream.start()
  t.after(() => upstream.close())
  for (const name of ['app', 'web']) {
    const image = buildImage({ ...IMAGE, seed: name })
    upstream.addImage(name, '1', image)
    const [big] = image.platforms[0]?.layers.toSorted((a, b) => b.size - a.size) ?? []
    assert.ok(big && big.size > ARRIVED)
    upstream.script({
      ...{ method: 'GET', path: `/${name}/blobs/${big.digest}`, times: 1 },
      reply: { stall: { after: ARRIVED } },
    })
  }
  const data = temp.join('data')
  const command = (...args: string[]): Program => {
    const own = ['--data', data, '--platform', 'linux/amd64', '--progress', 'plain']
    const program = new Program(binaryPath(), ['warm', ...args, ...own], { cwd: temp.path })
    t.after(() => program.stop('SIGKILL'))
    return program
  }
  const lastRuns = async (): Promise<readonly WarmReport[]> => {
    const program = new Program(binaryPath(), ['warm', '--last', '--json', '--data', data])
    assert.equal((await program.exited).code, 0, program.report())
    return JSON.parse(program.stdout) as WarmReport[]
  }
  return {
    ...{ upstream, data, command, lastRuns },
    alone: ['--registry', `${NAME}=${upstream.url}`],
    serve: async (): Promise<RegMirror> => {
      const options = { registries: { [NAME]: upstream.url }, dataFolder: data }
      const mirror = await RegMirror.start(options)
      t.after(() => mirror.close())
      return mirror
    },
    stalled: (name: string): Promise<boolean> =>
      waitUntil(
        () =>
          upstream.log
            .find({ method: 'GET', path: `/${name}/blobs/` })
            .some(({ end, bytes }) => end === 'stalled' || (end === 'open' && bytes >= ARRIVED)),
        { what: `a download of ${name} under way` },
      ),
  }
}

async function ends(program: Program, code: number, ...sentences: RegExp[]): Promise<void> {
  const exit = await program.exited
  assert.equal(exit.code, code, program.report())
  for (const sentence of sentences) assert.match(program.stderr, sentence)
}

function keptDownloads(data: string): string[] {
  return readdirSync(path.join(data, 'staging')).filter((name) => name.endsWith('.json'))
}

test('in a running server: the same list is followed, another waits, and nothing is fetched twice', async (t) => {
  const { upstream, command, serve, stalled } = await setting(t)
  const server = await serve()
  const first = command(`${NAME}/app:1`)
  await stalled('app')
  const second = command(`${NAME}/app:1`)
  await second.waitForLine(
    /this list is being warmed already \(since \d\d:\d\d, 0 of 1 image\): following it/,
  )
  const third = command(`${NAME}/web:1`, `${NAME}/web:missing`)
  await third.waitForLine(
    /other images are being warmed \(registry\.test\/app:1, since \d\d:\d\d, 0 of 1 image\): waiting for them/,
  )
  assert.equal(upstream.log.find({ path: '/web/' }).length, 0)
  upstream.release()
  await ends(first, 0, new RegExp(`through the running server \\(pid ${server.program.pid}\\)`))
  await ends(second, 0, /warmed 1/)
  await stalled('web')
  upstream.release()
  await ends(third, 1, /web:missing/)
  const fetched = upstream.log.find({ method: 'GET', path: '/blobs/' }).map(({ url }) => url)
  assert.equal(fetched.length, new Set(fetched).size)
  await server.program.waitForLine(/warming registry\.test\/web:1 and 1 other/)
  await server.program.waitForLine(/cannot warm registry\.test\/web:missing/)
  await server.program.waitForLine(/warming .* has ended: 1 warmed, 0 fresh, 1 failed, 0 left/)
})

test('detached, the server goes on alone; who only looks on may go', async (t) => {
  const { upstream, command, serve, stalled, lastRuns } = await setting(t)
  await serve()
  await ends(command(`${NAME}/app:1`, '--detach'), 0, /warm --last/)
  await stalled('app')
  const watcher = command(`${NAME}/app:1`)
  await watcher.waitForLine(/following it/)
  watcher.signal('SIGINT')
  await ends(watcher, 130, /no longer following it: the run goes on/)
  const next = command(`${NAME}/app:1`)
  await next.waitForLine(/following it/)
  upstream.release()
  await ends(next, 0)
  const [run, ...others] = await lastRuns()
  assert.deepEqual([run?.outcome, run?.totals.warmed, others.length], ['done', 1, 0])
})

test('without a server the command begins the store; Ctrl-C keeps what arrived, and the next goes on', async (t) => {
  const { upstream, data, command, alone, stalled, lastRuns } = await setting(t)
  const first = command(`${NAME}/app:1`, ...alone)
  await first.waitForLine(/data, a new store, opened by this command$/)
  await stalled('app')
  // Another one goes through the one that owns the store.
  const waiting = command(`${NAME}/web:1`, ...alone)
  await waiting.waitForLine(/through the running regmirror warm/)
  await waiting.waitForLine(/waiting for them/)
  assert.equal(upstream.log.find({ path: '/web/' }).length, 0)
  first.signal('SIGINT')
  await ends(first, 130, /stopping in good order/, /the same command goes on from there/)
  await waiting.waitForLine(/data, opened by this command$/)
  await stalled('web')
  assert.ok(keptDownloads(data).length > 0)
  assert.equal((await lastRuns())[0]?.outcome, 'interrupted')
  upstream.release()
  await ends(waiting, 0, /warmed 1/)
  await ends(command(`${NAME}/app:1`, ...alone), 0, /data, opened by this command/)
  const ranges = upstream.log.find({ method: 'GET', path: '/blobs/' }).map(({ range }) => range)
  assert.ok(ranges.some((range) => Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1]) > 0))
  assert.deepEqual(keptDownloads(data), [])
})

test('without a server a command that is done leaves the next list to who waits for it', async (t) => {
  const { upstream, command, alone, stalled, lastRuns } = await setting(t)
  const first = command(`${NAME}/app:1`, ...alone)
  await stalled('app')
  const follower = command(`${NAME}/app:1`, ...alone)
  await follower.waitForLine(/following it/)
  const next = command(`${NAME}/web:1`, ...alone)
  await next.waitForLine(/waiting for them/)
  upstream.release()
  await ends(first, 0, /warmed 1/)
  await ends(follower, 0, /warmed 1/)
  await stalled('web')
  upstream.release()
  await ends(next, 0, /data, opened by this command\n/, /warmed 1/)
  const outcomes = (await lastRuns()).map(({ outcome }) => outcome)
  assert.deepEqual(outcomes, ['done', 'done'], 'none was begun where it could not end')
})

test('a server that starts meanwhile goes on with all that the command warms and others wait for', async (t) => {
  const { upstream, command, alone, serve, stalled } = await setting(t)
  const first = command(`${NAME}/app:1`, ...alone)
  await stalled('app')
  const follower = command(`${NAME}/app:1`, ...alone)
  await follower.waitForLine(/following it/)
  const next = command(`${NAME}/web:1`, ...alone)
  await next.waitForLine(/waiting for them/)
  const server = await serve()
  await server.program.waitForLine(new RegExp(`warm \\(pid ${first.pid}\\).* is asked to leave`))
  const moved = /a server starts on this store: it goes on with this\n.*through the running server/
  await stalled('web')
  upstream.release()
  for (const program of [first, follower, next]) await ends(program, 0, moved, /warmed 1|fresh 1/)
  assert.equal(server.program.exit, undefined)
  assert.equal(upstream.log.find({ method: 'GET', path: '/app/manifests/' }).length, 1)
})

test('in a server, who began a run may go: it goes on for those who follow', async (t) => {
  const { upstream, command, serve, stalled } = await setting(t)
  await serve()
  const first = command(`${NAME}/app:1`)
  await stalled('app')
  const follower = command(`${NAME}/app:1`)
  await follower.waitForLine(/following it/)
  first.signal('SIGINT')
  await ends(first, 130, /the run goes on for 1 other command/)
  upstream.release()
  await ends(follower, 0, /warmed 1/)
})

test('without a server nothing can be left behind', async (t) => {
  const { data, command, alone } = await setting(t)
  await ends(command(`${NAME}/app:1`, '--detach', ...alone), 2, /there is no store in .*data/)
  assert.ok(!existsSync(data))
  await ends(command(`${NAME}/missing:1`, ...alone), 3, /a new store/)
  await ends(command(`${NAME}/app:1`, '--detach', ...alone), 2, /start regmirror serve first/)
})

test('a command that is killed stops its run in the server', async (t) => {
  const { upstream, command, serve, stalled, lastRuns, data } = await setting(t)
  await serve()
  const first = command(`${NAME}/app:1`)
  await stalled('app')
  await first.stop('SIGKILL')
  await waitUntil(async () => (await lastRuns())[0]?.outcome === 'interrupted', {
    what: 'the run stopped',
  })
  assert.ok(keptDownloads(data).length > 0)
  upstream.release()
  await ends(command(`${NAME}/app:1`), 0, /warmed 1/)
})

test('a server that is told to stop ends the run in good order, and the next server goes on with it', async (t) => {
  const { upstream, command, serve, stalled, lastRuns, data } = await setting(t)
  const server = await serve()
  const first = command(`${NAME}/app:1`)
  await stalled('app')
  server.program.signal('SIGTERM')
  await ends(first, 130, /the regmirror that runs this is being stopped/)
  assert.deepEqual(await server.program.exited, { code: 0, signal: null })
  assert.ok(keptDownloads(data).length > 0)
  assert.equal((await lastRuns())[0]?.outcome, 'interrupted')
  await server.restart()
  await ends(command(`${NAME}/app:1`), 0, /warmed 1/)
  assert.equal(upstream.log.find({ method: 'GET', path: '/app/manifests/' }).length, 1)
})

test('a server that is killed is named, and the next one goes on with the run', async (t) => {
  const { command, serve, stalled } = await setting(t)
  const server = await serve()
  const first = command(`${NAME}/app:1`)
  await stalled('app')
  const { pid } = server.program
  server.program.signal('SIGKILL')
  const sentence = `the running regmirror serve \\(pid ${pid}\\) ended before warm was done`
  await ends(first, 1, new RegExp(sentence))
  await server.restart()
  await ends(command(`${NAME}/app:1`), 0, /warmed 1/)
})
