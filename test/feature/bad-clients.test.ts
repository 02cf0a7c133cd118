import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { within } from '../../src/lib/within.ts'
import { heldContent, seededContent, sha256 } from '../support/content.ts'
import type { Content } from '../support/content.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import { connectTo, firstResponse, untilClosed } from './raw-talk.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('bad clients', 900_000))
const PATH = `/v2/app/blobs/${blob.digest}`
const LIMIT_MS = 15_000

// A mirror that has the blob.
async function withStored(content: Content = blob): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addBlob('library/app', content)
  assert.equal((await setting.mirror.get(`/v2/app/blobs/${content.digest}`)).status, 200)
  await setting.mirror.published(content.digest)
  return setting
}

test('a drain ends although a client holds a connection on which it never sent a byte', async () => {
  await using setting = await Setting.start()
  const { mirror } = setting
  const silent = await connectTo(mirror.url)
  try {
    // Connections are accepted in their order.
    assert.equal((await mirror.get('/v2/')).status, 200)
    assert.notEqual(await within(LIMIT_MS, mirror.drain()), 'slow')
  } finally {
    silent.destroy()
  }
})

test('an ns that is a registry only once its letters are folded is refused in good order', async () => {
  await using setting = await withStored()
  const socket = await connectTo(setting.mirror.url)
  // U+212A, whose lower case is a plain k.
  const target = `${PATH}?ns=doc%E2%84%AAer.io`
  socket.write(`GET ${target} HTTP/1.1\r\nHost: mirror\r\n\r\n`)
  socket.write('GET /v2/ HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n')
  const { received } = await untilClosed(socket)
  const refused = firstResponse(received)
  assert.equal(refused.status, 404)
  assert.equal(errorCode(refused), 'NAME_UNKNOWN')
  const after = firstResponse(refused.rest)
  assert.deepEqual([after.status, after.body.toString(), after.rest.length], [200, '{}', 0])
})

// How long a fill waits for a body without a length to end before it answers without one.
const PATIENCE_MS = 20_000
const PATIENCE = { skip: ON_BINARY && 'shortens the wait for a size' }

function makeImpatient(t: TestContext): void {
  const real = setTimeout
  t.mock.method(globalThis, 'setTimeout', ((run: () => void, ms?: number, ...rest: []) =>
    real(run, ms === PATIENCE_MS ? 1 : ms, ...rest)) as typeof setTimeout)
}

for (const [what, flip] of [
  ['wrong content of unknown size is a reset', blob.size - 1],
  ['right content of unknown size is a clean end', undefined],
] as const) {
  test(`to an HTTP/1.0 client ${what}`, PATIENCE, async (t) => {
    makeImpatient(t)
    await using setting = await Setting.start()
    setting.upstream.addBlob('library/app', blob)
    const stalled = { chunked: true, stall: { after: 400_000 } }
    const reply = flip === undefined ? stalled : { ...stalled, flip }
    setting.upstream.script({ path: '/blobs/', times: 1, reply })
    const socket = await connectTo(setting.mirror.url)
    socket.write(`GET ${PATH} HTTP/1.0\r\nHost: mirror\r\n\r\n`)
    socket.once('data', () => setting.upstream.release())
    const { received, isReset } = await untilClosed(socket)
    const head = received.toString('latin1', 0, received.indexOf('\r\n\r\n'))
    assert.doesNotMatch(head, /content-length|chunked/i)
    assert.equal(isReset, flip !== undefined)
    if (flip === undefined) await setting.mirror.published(blob.digest)
    assert.deepEqual(publishedDigests(setting.mirror.folder), isReset ? [] : [blob.digest])
  })
}

test('a blob of which 900 overlapping ranges are asked for is sent once, whole', async () => {
  await using setting = await withStored()
  for (const range of ['0-', '-900000', '0-899999']) {
    const answer = await setting.mirror.get(PATH, {
      range: `bytes=${Array.from({ length: 900 }, () => range).join(',')}`,
    })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-length'), String(blob.size))
    assert.ok(answer.body.equals(blob.bytes))
  }
})

const OWN_FILES = { skip: ON_BINARY && 'counts the open files of this process' }

test(
  'who sends many requests ahead loses the connection, and few files are open',
  OWN_FILES,
  async () => {
    const big = heldContent(seededContent('sent ahead', 8 * MIB))
    await using setting = await withStored(big)
    const { mirror } = setting
    const openFiles = () => readdirSync('/proc/self/fd').length
    const socket = await connectTo(mirror.url)
    try {
      const before = openFiles()
      let most = before
      let isOver = false
      const over = untilClosed(socket).then(() => (isOver = true))
      const request = `GET /v2/app/blobs/${big.digest} HTTP/1.1\r\nHost: mirror\r\n\r\n`
      socket.write(request.repeat(200))
      const ended = async () => {
        most = Math.max(most, openFiles())
        return isOver
      }
      await waitUntil(ended, { what: 'the end of the connection', timeoutMs: LIMIT_MS, everyMs: 1 })
      await over
      assert.ok(most - before < 50, `${most - before} files more`)
      const none = () => mirror.runningResponses === 0
      await waitUntil(none, { what: 'the end of the responses', everyMs: 1 })
    } finally {
      socket.destroy()
    }
  },
)

test('sixteen requests sent ahead are all answered', async () => {
  await using setting = await withStored()
  const socket = await connectTo(setting.mirror.url)
  const request = 'GET /v2/ HTTP/1.1\r\nHost: mirror\r\n'
  socket.write(`${request}\r\n`.repeat(15) + `${request}Connection: close\r\n\r\n`)
  let { received: rest } = await untilClosed(socket)
  let answers = 0
  for (; rest.length > 0; answers += 1) {
    const part = firstResponse(rest)
    assert.equal(part.status, 200)
    rest = part.rest
  }
  assert.equal(answers, 16)
})

test('a client that does not read a manifest is cut', async () => {
  await using setting = await Setting.start({ clientIdleTimeoutMs: 500 })
  const { mirror, upstream } = setting
  const mediaType = MEDIA_TYPES.oci.manifest
  const annotations = { padding: 'x'.repeat(7 * MIB) }
  const value = { schemaVersion: 2, mediaType, config: {}, layers: [], annotations }
  const bytes = Buffer.from(JSON.stringify(value))
  const top = { mediaType, digest: sha256(bytes), size: bytes.length }
  const manifests = new Map([[top.digest, { mediaType, bytes }]])
  upstream.addImage('library/app', 'big', { top, platforms: [], manifests, blobs: new Map() })
  assert.equal((await mirror.get('/v2/app/manifests/big')).status, 200)
  await waitUntil(() => mirror.runningResponses === 0, { what: 'the first response to end' })

  const socket = await connectTo(mirror.url)
  try {
    socket.write('GET /v2/app/manifests/big HTTP/1.1\r\nHost: mirror\r\n\r\n')
    await setting.mirrorRuns(1)
    const isCut = () => mirror.runningResponses === 0
    await waitUntil(isCut, { what: 'the end of the response', timeoutMs: LIMIT_MS })
    // Not all of it is on its way: it was cut, and did not go into the system's buffers.
    const { received } = await untilClosed(socket)
    assert.ok(received.length < bytes.length)
  } finally {
    socket.destroy()
  }
})
