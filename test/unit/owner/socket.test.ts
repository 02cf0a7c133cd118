// The owner's socket from both sides: what a job sends arrives, who leaves stops it, and nothing that
// is thrown at it harms the owner.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, chownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Jobs } from '../../../src/care/jobs.ts'
import { JobHandedBack, JobPutOff, JobRefused, StoreError } from '../../../src/errors.ts'
import { askOwner, askToLeave, findOwner, JobStopped } from '../../../src/owner/client.ts'
import type { Listener, LivingOwner } from '../../../src/owner/client.ts'
import { writeNote } from '../../../src/owner/owner-note.ts'
import { serveJobs } from '../../../src/owner/server.ts'
import { ASK_MAX_BYTES, WIRE_HEADER, WIRE_VERSION } from '../../../src/owner/wire.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const facts = { pid: 812, command: 'serve', version: '9.9.9', wire: WIRE_VERSION, startedAt: 0 }
const row = (n: number): never => ({ digest: `sha256:${n}`, found: 'x'.repeat(1000) }) as never
const nobody: Listener<'verify'> = {
  signal: new AbortController().signal,
  progress: () => {},
  rows: () => {},
}

async function owner(t: TestContext, jobs: Partial<Jobs>) {
  const folder = new TempFolder('owner')
  const path = folder.join('regmirror.sock')
  const server = await serveJobs(jobs, facts, [{ path }])
  t.after(async () => {
    await server.stop()
    await folder.close()
  })
  const living = (await findOwner(folder.path)) as LivingOwner
  const verify = (listener: Partial<Listener<'verify'>> = {}) =>
    askOwner(living, 'verify', { isDeep: true }, { ...nobody, ...listener })
  return { folder, path, server, living, verify }
}

function post(socketPath: string, path: string, body: string, wire: unknown = WIRE_VERSION) {
  const headers = { [WIRE_HEADER]: String(wire) }
  const sent = httpRequest({ socketPath, path, method: 'POST', headers, agent: false })
  sent.on('error', () => {})
  sent.end(body)
  return once(sent, 'response').then(async ([response]) => ({
    status: response.statusCode as number,
    text: await text(response),
  }))
}

test('rows, progress and the answer arrive, in order and whole', async (t) => {
  const { living, verify } = await owner(t, {
    verify: async (ask, { rows, progress }) => {
      assert.deepEqual(ask, { isDeep: true })
      progress({ what: 'hashing', done: 1, total: 2, unit: 'blobs' })
      await rows(Array.from({ length: 1200 }, (_, n) => row(n)))
      await rows([row(1200)])
      return { blobs: 3, bytes: 4, bad: 5 }
    },
  })
  assert.deepEqual(living.facts, facts)
  const found: unknown[] = []
  const shown: unknown[] = []
  const answer = await verify({
    rows: (rows) => void found.push(...rows),
    progress: (progress) => void shown.push(progress),
  })
  assert.deepEqual(answer, { blobs: 3, bytes: 4, bad: 5 })
  assert.deepEqual(
    found,
    Array.from({ length: 1201 }, (_, n) => row(n)),
  )
  assert.deepEqual(shown, [{ what: 'hashing', done: 1, total: 2, unit: 'blobs' }])
})

test('a job waits for a reader that is slow', async (t) => {
  const read = Promise.withResolvers<void>()
  const counts = { sent: 0, read: 0 }
  const ROWS = 50_000
  const { verify } = await owner(t, {
    verify: async (_ask, { rows }) => {
      for (; counts.sent < ROWS; counts.sent += 100) {
        await rows(Array.from({ length: 100 }, (_, n) => row(n)))
        // Far more than the buffers on the way hold.
        if (counts.sent - counts.read > ROWS / 2) read.reject(new Error('it did not wait'))
      }
      return { blobs: 0, bytes: 0, bad: 0 }
    },
  })
  const asked = verify({
    rows: async (rows) => {
      await read.promise
      counts.read += rows.length
    },
  })
  // Nobody reads now: what was sent stands still.
  let before = -1
  while (counts.sent !== before || before < 1) {
    before = counts.sent
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.ok(before < ROWS / 2, `${before} rows were sent to a reader that read none`)
  read.resolve()
  await asked
  assert.equal(counts.read, ROWS)
})

test('a job that is stopped still tells what it did', async (t) => {
  const stop = new AbortController()
  const { verify } = await owner(t, {
    verify: async (_ask, { signal, progress }) => {
      const aborted = once(signal, 'abort')
      progress({ what: 'hashing', done: 7, total: 9, unit: 'blobs' })
      await aborted
      return { blobs: 7, bytes: 0, bad: 0 }
    },
  })
  const answer = await verify({ signal: stop.signal, progress: () => stop.abort() })
  assert.deepEqual(answer, { blobs: 7, bytes: 0, bad: 0 })
})

test('a stopped job with nothing to tell is known as stopped', async (t) => {
  const stop = new AbortController()
  stop.abort()
  const { verify } = await owner(t, {
    verify: async (_ask, { signal }) => {
      if (!signal.aborted) await once(signal, 'abort')
      throw new Error('aborted somewhere deep down')
    },
  })
  await assert.rejects(verify({ signal: stop.signal }), JobStopped)
})

test('a command that dies stops its job', async (t) => {
  const [started, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { path } = await owner(t, {
    verify: async (_ask, { signal }) => {
      started.resolve()
      await once(signal, 'abort')
      stopped.resolve()
      return { blobs: 0, bytes: 0, bad: 0 }
    },
  })
  const socket = connect(path)
  const body = '{"isDeep":false}'
  socket.write(
    `POST /jobs/verify HTTP/1.1\r\nhost: x\r\n${WIRE_HEADER}: ${WIRE_VERSION}\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  )
  await started.promise
  socket.destroy()
  await stopped.promise
})

test('failures keep their kind and their sentence', async (t) => {
  const thrown = [
    new JobRefused('that is no reference'),
    new StoreError('full', 'the disk is full'),
    new Error('something else'),
    new JobPutOff('8 lists wait already'),
    new JobHandedBack(true),
  ]
  const { verify } = await owner(t, { verify: () => Promise.reject(thrown.shift() as Error) })
  await assert.rejects(verify(), { name: 'JobRefused', message: 'that is no reference' })
  await assert.rejects(verify(), { name: 'StoreError', kind: 'full', message: 'the disk is full' })
  await assert.rejects(verify(), { name: 'Error', message: 'something else' })
  await assert.rejects(verify(), { name: 'JobPutOff', message: '8 lists wait already' })
  await assert.rejects(verify(), { name: 'JobHandedBack', isForServer: true })
})

test('an owner that dies in the middle of a job is named', async (t) => {
  const { path, living } = await owner(t, {})
  const dying = createServer((_request, response) => {
    response.writeHead(200, { 'regmirror-job': 1 }).write('{"kind":"rows","rows":[]}\n')
    setImmediate(() => response.destroy())
  })
  dying.listen(`${path}2`)
  await once(dying, 'listening')
  t.after(() => dying.close())
  await assert.rejects(
    askOwner({ ...living, socket: `${path}2` }, 'verify', { isDeep: true }, nobody),
    /running regmirror serve \(pid 812\) ended before verify was done: .* repeat the command/,
  )
})

test('an owner that leaves ends its jobs first; whoever knocks then finds nobody', async (t) => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const started = [first, second]
  const { folder, server, verify } = await owner(t, {
    verify: async (_ask, { signal }) => {
      started.pop()?.resolve()
      await once(signal, 'abort')
      return { blobs: 1, bytes: 1, bad: 0 }
    },
  })
  const asked = verify()
  const other = verify()
  await Promise.all([first.promise, second.promise])
  await server.stop()
  assert.deepEqual(await asked, { blobs: 1, bytes: 1, bad: 0 })
  assert.deepEqual(await other, { blobs: 1, bytes: 1, bad: 0 })
  assert.equal(await findOwner(folder.path), undefined)
  await assert.rejects(verify(), { name: 'JobHandedBack', isForServer: false })
})

test('who makes way for a server is told that one waits; others hear nothing of it', async (t) => {
  let asked = 0
  const folder = new TempFolder('owner')
  const place = { path: folder.join('regmirror.sock') }
  const server = await serveJobs({}, facts, [place], () => (asked += 1))
  t.after(async () => {
    await server.stop()
    await folder.close()
  })
  const living = (await findOwner(folder.path)) as LivingOwner
  await askToLeave(living)
  assert.equal(asked, 1)
  assert.equal((await post(place.path, '/leave', '', 99)).status, 426)
  assert.equal(asked, 1)
  const staying = await owner(t, {})
  await askToLeave(staying.living)
  assert.ok(await findOwner(staying.folder.path))
  await staying.server.stop()
  await askToLeave(staying.living)
})

test('a job that does not stop holds nobody up', async (t) => {
  const release = Promise.withResolvers<void>()
  const { server, verify } = await owner(t, {
    verify: async (_ask, { progress }) => {
      progress({ what: 'hashing', done: 0, total: 1, unit: 'blobs' })
      await release.promise
      return { blobs: 1, bytes: 1, bad: 0 }
    },
  })
  const started = Promise.withResolvers<void>()
  const asked = assert.rejects(verify({ progress: () => started.resolve() }), /ended before verify/)
  await started.promise
  await server.stop(50)
  await asked
  release.resolve()
})

test('another version is told so, on either side', async (t) => {
  const { folder, path, living } = await owner(t, {})
  const { status, text } = await post(path, '/jobs/verify', '{}', WIRE_VERSION + 1)
  assert.equal(status, 426)
  assert.match(text, /regmirror 9\.9\.9 \(pid 812\) .* use the same version for both/)

  const newer = createServer((_request, response) => {
    response.end(JSON.stringify({ ...facts, wire: WIRE_VERSION + 1 }))
  })
  newer.listen(`${path}2`)
  await once(newer, 'listening')
  t.after(() => newer.close())
  writeNote(folder.path, { ...living.facts, socket: `${path}2` })
  await assert.rejects(findOwner(folder.path), /pid 812\) is 9\.9\.9, .* use the same for both/)
})

test('garbage, asks that are too long and unknown jobs are refused, and the next one is served', async (t) => {
  const { path, verify } = await owner(t, {
    verify: async () => ({ blobs: 1, bytes: 1, bad: 0 }),
  })
  const garbage = connect(path)
  garbage.end('\x16\x03\x01 no HTTP at all\r\n\r\n')
  await once(garbage.resume(), 'close')

  assert.equal((await post(path, '/jobs/verify', 'no JSON')).status, 400)
  const long = await post(path, '/jobs/verify', JSON.stringify('x'.repeat(ASK_MAX_BYTES)))
  assert.equal(long.status, 400)
  assert.match(long.text, new RegExp(`more than ${ASK_MAX_BYTES} bytes`))
  for (const name of ['nothing', 'toString', '__proto__', 'verify/1']) {
    assert.equal((await post(path, `/jobs/${name}`, '{}')).status, 404, name)
  }
  assert.deepEqual(await verify(), { blobs: 1, bytes: 1, bad: 0 })
})

test('an endless line is not kept in memory', async (t) => {
  const { path, living } = await owner(t, {})
  const endless = createServer((_request, response) => {
    response.writeHead(200)
    const more = (): void => {
      while (response.write('x'.repeat(1024 * 1024))) continue
    }
    response.on('drain', more)
    more()
  })
  endless.listen(`${path}2`)
  await once(endless, 'listening')
  t.after(() => endless.close())
  const other = { ...living, socket: `${path}2` }
  await assert.rejects(askOwner(other, 'verify', { isDeep: true }, nobody), /a line is longer than/)
})

test('nobody else can open the socket, and a dead one is replaced', async (t) => {
  const { path, living, verify } = await owner(t, {
    verify: async () => ({ blobs: 1, bytes: 1, bad: 0 }),
  })
  assert.equal(lstatSync(path).mode & 0o777, 0o600)
  // The same path again, as after a crash: the older socket no longer leads anywhere.
  const next = await serveJobs({}, { ...facts, pid: 813 }, [{ path }])
  t.after(() => next.stop())
  await assert.rejects(verify(), /pid 812\) is 9\.9\.9 and does not know verify: restart it/)
  assert.equal(living.facts.pid, 812)
})

test('a folder that others may write to is not trusted with the socket', async (t) => {
  const folder = new TempFolder('owner')
  t.after(() => folder.close())
  const shared = folder.join('shared')
  mkdirSync(shared)
  chmodSync(shared, 0o777)
  const places = [
    { path: `${shared}/a.sock`, privateFolder: shared },
    { path: folder.join('own/a.sock'), privateFolder: folder.join('own') },
  ]
  const server = await serveJobs({}, facts, places)
  t.after(() => server.stop())
  assert.equal(server.path, folder.join('own/a.sock'))
  assert.equal(lstatSync(folder.join('own')).mode & 0o777, 0o700)
})

test('a socket elsewhere that somebody else made is not talked to', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can make what is another user’s')
  const { folder, living } = await owner(t, {})
  const elsewhere = new TempFolder('elsewhere')
  t.after(() => elsewhere.close())
  const socket = elsewhere.join('a.sock')
  const server = await serveJobs({}, facts, [{ path: socket }])
  t.after(() => server.stop())
  writeNote(folder.path, { ...living.facts, socket })
  assert.equal((await findOwner(folder.path))?.socket, socket)
  chownSync(socket, 65_534, 65_534)
  assert.equal(await findOwner(folder.path), undefined)
})

test('a file in the place of the socket is not removed', async (t) => {
  const folder = new TempFolder('owner')
  t.after(() => folder.close())
  writeFileSync(folder.join('regmirror.sock'), 'precious')
  await assert.rejects(serveJobs({}, facts, [{ path: folder.join('regmirror.sock') }]), {
    code: 'EADDRINUSE',
  })
  assert.ok(lstatSync(folder.join('regmirror.sock')).isFile())
})
