import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { BLOB, BLOB_DIGEST, NAME, TAG, read, registryOf } from './upstream-server.ts'
import { sendError, sendManifest, serve, upstreamError } from './upstream-server.ts'
import type { OpenedBlob } from '../../src/upstream/upstream.ts'

type Answer = (response: ServerResponse) => void

function open(t: Parameters<typeof serve>[0], answer: Answer, limits = {}) {
  return async (range?: { start: number; end?: number }): Promise<OpenedBlob> => {
    const server = await serve(t, (_request, response) => answer(response))
    const opened = await registryOf(t, [server.url], { limits }).openBlob(NAME, BLOB_DIGEST, range)
    assert.ok(opened)
    return opened
  }
}

test('a whole blob, with its size', async (t) => {
  const opened = await open(t, (response) => {
    response.writeHead(200, { 'content-length': BLOB.length }).end(BLOB)
  })()
  assert.equal(opened.start, 0)
  assert.equal(opened.totalBytes, BLOB.length)
  assert.deepEqual(await read(opened.body), BLOB)
})

test('chunked, without a length', async (t) => {
  const opened = await open(t, (response) => {
    response.writeHead(200)
    response.write(BLOB.subarray(0, 100))
    response.end(BLOB.subarray(100))
  })()
  assert.equal(opened.totalBytes, undefined)
  assert.deepEqual(await read(opened.body), BLOB)
})

test('gzip: decoded, and the size is unknown', async (t) => {
  const zipped = gzipSync(BLOB)
  const headers = { 'content-length': zipped.length, 'content-encoding': 'gzip' }
  const opened = await open(t, (response) => void response.writeHead(200, headers).end(zipped))()
  assert.equal(opened.totalBytes, undefined)
  assert.deepEqual(await read(opened.body), BLOB)
})

test('a range that upstream ignores starts at 0', async (t) => {
  const opened = await open(t, (response) => {
    response.writeHead(200, { 'content-length': BLOB.length }).end(BLOB)
  })({ start: 50 })
  assert.equal(opened.start, 0)
  assert.equal((await read(opened.body)).length, BLOB.length)
})

for (const [what, status, headers] of [
  ['another start', 206, { 'content-range': 'bytes 0-99/100000' }],
  ['no Content-Range', 206, {}],
  ['a wrong length', 206, { 'content-range': 'bytes 50-99/100000', 'content-length': 7 }],
  ['an encoded part', 206, { 'content-range': 'bytes 50-99/100000', 'content-encoding': 'gzip' }],
  ['an encoded whole', 200, { 'content-encoding': 'gzip' }],
  ['416', 416, { 'content-range': 'bytes */100000' }],
] as const) {
  test(`a range answered with ${what} is a bad response`, async (t) => {
    const answer: Answer = (response) => void response.writeHead(status, headers).end('1234567')
    await assert.rejects(open(t, answer)({ start: 50, end: 99 }), upstreamError('bad-response'))
  })
}

for (const length of [40, 60]) {
  test(`${length} bytes where 50 were promised by Content-Range`, async (t) => {
    const headers = { 'content-range': 'bytes 50-99/100000' }
    const opened = await open(t, (response) => {
      response.writeHead(206, headers)
      response.write(BLOB.subarray(0, 10))
      response.end(BLOB.subarray(10, length))
    })({ start: 50, end: 99 })
    const wanted =
      length < 50
        ? upstreamError('unreachable', /after 40 of 50 bytes/)
        : upstreamError('bad-response', /more than the 50 bytes/)
    await assert.rejects(read(opened.body), wanted)
  })
}

for (const [how, cut] of [
  ['FIN', (response: ServerResponse) => response.socket?.end()],
  ['RST', (response: ServerResponse) => response.socket?.resetAndDestroy()],
] as const) {
  for (const headers of [{ 'content-length': BLOB.length }, {}]) {
    const known = 'content-length' in headers ? 'of known length' : 'under chunked encoding'
    test(`cut by ${how} ${known}: unreachable, after the bytes that came`, async (t) => {
      const arrived = Promise.withResolvers<void>()
      const opened = await open(t, (response) => {
        response.writeHead(200, headers)
        response.write(BLOB.subarray(0, 1000))
        void arrived.promise.then(() => cut(response))
      })()
      let seen = 0
      const reading = (async () => {
        for await (const chunk of opened.body) {
          seen += chunk.length
          if (seen === 1000) arrived.resolve()
        }
      })()
      await assert.rejects(reading, upstreamError('unreachable', /closed the connection/))
      assert.equal(seen, 1000)
    })
  }
}

test('a body that stalls is timed out', async (t) => {
  const answer: Answer = (response) => {
    response.writeHead(200, { 'content-length': BLOB.length })
    response.write(BLOB.subarray(0, 1000))
  }
  const opened = await open(t, answer, { bodyIdleTimeoutMs: 50 })()
  await assert.rejects(read(opened.body), upstreamError('timed-out', /stopped sending/))
})

test('a reader that pauses longer than the idle limit is no stall, and slows upstream down', async (t) => {
  const size = 64 * 1024 * 1024
  const piece = Buffer.alloc(1024 * 1024)
  let written = 0
  const blocked = Promise.withResolvers<void>()
  const answer: Answer = (response) => {
    response.writeHead(200, { 'content-length': size })
    void (async () => {
      while (written < size) {
        written += piece.length
        if (response.write(piece)) continue
        // Nothing taken for a while: the socket buffers of both sides are full.
        const timer = setTimeout(blocked.resolve, 200)
        await once(response, 'drain')
        clearTimeout(timer)
      }
      response.end()
    })()
  }
  const opened = await open(t, answer, { bodyIdleTimeoutMs: 100 })()
  let seen = 0
  for await (const chunk of opened.body) {
    if (seen === 0) await blocked.promise
    if (seen === 0) assert.ok(written < size / 2, `${written} bytes were taken unread`)
    seen += chunk.length
  }
  assert.equal(seen, size)
})

test('abort closes the connection, and so does leaving the loop; each gives its slot back', async (t) => {
  const closed: Promise<unknown>[] = []
  const server = await serve(t, (_request, response) => {
    closed.push(once(response, 'close'))
    response.writeHead(200, { 'content-length': BLOB.length })
    response.write(BLOB.subarray(0, 1000))
  })
  const upstream = registryOf(t, [server.url], { limits: { downloadsPerRegistry: 1 } })
  const first = await upstream.openBlob(NAME, BLOB_DIGEST)
  first?.abort()
  await closed[0]
  const second = await upstream.openBlob(NAME, BLOB_DIGEST)
  assert.ok(second)
  for await (const chunk of second.body) if (chunk.length > 0) break
  await closed[1]
  const third = await upstream.openBlob(NAME, BLOB_DIGEST)
  third?.abort()
  await closed[2]
})

test('an encoded body can be aborted and left as well', async (t) => {
  const zipped = gzipSync(randomBytes(1_000_000))
  const closed: Promise<unknown>[] = []
  const server = await serve(t, (_request, response) => {
    closed.push(once(response, 'close'))
    response.writeHead(200, { 'content-encoding': 'gzip' }).write(zipped.subarray(0, 500_000))
  })
  const upstream = registryOf(t, [server.url])
  const first = await upstream.openBlob(NAME, BLOB_DIGEST)
  first?.abort()
  await closed[0]
  const second = await upstream.openBlob(NAME, BLOB_DIGEST)
  assert.ok(second)
  for await (const chunk of second.body) if (chunk.length > 0) break
  await closed[1]
})

test('an encoded body that is cut is unreachable, not broken', async (t) => {
  const opened = await open(t, (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    response.write(gzipSync(randomBytes(100_000)).subarray(0, 50_000), () => response.destroy())
  })()
  await assert.rejects(read(opened.body), upstreamError('unreachable'))
})

test('downloads beyond the limit wait, manifests do not', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url?.includes('/manifests/')) return sendManifest(response, request)
    response.writeHead(200, { 'content-length': BLOB.length }).write(BLOB.subarray(0, 10))
  })
  const limits = { downloadsPerRegistry: 2, connectionsPerOrigin: 2 }
  const upstream = registryOf(t, [server.url], { limits })
  const [first] = await Promise.all([1, 2].map(() => upstream.openBlob(NAME, BLOB_DIGEST)))
  const third = upstream.openBlob(NAME, BLOB_DIGEST)
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal(server.asked.length, 3)
  first?.abort()
  assert.ok(await third)
  assert.equal(server.asked.length, 4)
})

test('a slot comes back after a refusal and an absence', async (t) => {
  let status = 403
  const server = await serve(t, (_request, response) => sendError(response, status))
  const upstream = registryOf(t, [server.url], { limits: { downloadsPerRegistry: 1 } })
  await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), upstreamError('not-visible'))
  status = 404
  assert.equal(await upstream.openBlob(NAME, BLOB_DIGEST), undefined)
  assert.equal(await upstream.openBlob(NAME, BLOB_DIGEST), undefined)
})

test('an opened blob outlives the time limit of its opening', async (t) => {
  const later = Promise.withResolvers<void>()
  const opened = await open(
    t,
    (response) => {
      response.writeHead(200, { 'content-length': BLOB.length })
      response.write(BLOB.subarray(0, 10))
      void later.promise.then(() => response.end(BLOB.subarray(10)))
    },
    { blobOpenBudgetMs: 200 },
  )()
  setTimeout(later.resolve, 300)
  assert.deepEqual(await read(opened.body), BLOB)
})
