import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { UpstreamError } from '../../src/errors.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import { BLOB, BLOB_DIGEST, NAME, SILENT, TAG, read, registryOf } from './upstream-server.ts'
import { sendError, sendManifest, serve, upstreamError } from './upstream-server.ts'

// A port that nobody listens on: it was free a moment ago.
async function deadUrl(t: Parameters<typeof serve>[0]): Promise<string> {
  const server = await serve(t, () => {})
  await server.close()
  return server.url
}

test('503 is tried three times, and the message says what was asked', async (t) => {
  const server = await serve(t, (_request, response) => sendError(response, 503))
  const wanted = upstreamError(
    'bad-response',
    /^docker\.io: 127\.0\.0\.1:\d+ answered 503 to GET \/v2\/library\/nginx\/manifests\/1\.27: as the test wishes$/,
  )
  await assert.rejects(registryOf(t, [server.url]).getManifest(NAME, TAG), wanted)
  assert.equal(server.asked.length, 3)
})

test('503 and then an answer', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.asked.length < 3) sendError(response, 520)
    else sendManifest(response, request)
  })
  assert.ok(await registryOf(t, [server.url]).getManifest(NAME, TAG))
})

test('503 with a long Retry-After is not tried again', async (t) => {
  const server = await serve(t, (_request, response) =>
    sendError(response, 503, { 'retry-after': '30' }),
  )
  const upstream = registryOf(t, [server.url])
  const wanted = { ...upstreamError('bad-response'), retryAfterMs: 30_000 }
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  assert.equal(server.asked.length, 1)
})

test('429 pauses what was asked for until its time is over, and leaves the rest alone', async (t) => {
  let isLimiting = true
  const server = await serve(t, (request, response) => {
    const isLimited = request.method === 'GET' && request.url?.includes('/manifests/')
    if (isLimiting && isLimited) sendError(response, 429, { 'retry-after': '7' })
    else if (isLimited || request.method === 'HEAD') sendManifest(response, request)
    else response.writeHead(200, { 'content-length': BLOB.length }).end(BLOB)
  })
  let nowMs = Date.now()
  const upstream = registryOf(t, [server.url], { now: () => nowMs })
  const wanted = upstreamError('rate-limited')
  await assert.rejects(upstream.getManifest(NAME, TAG), { ...wanted, retryAfterMs: 7_000 })
  isLimiting = false
  nowMs += 1_000
  await assert.rejects(upstream.getManifest(NAME, TAG), { ...wanted, retryAfterMs: 6_000 })
  assert.equal(server.asked.length, 1)
  // Docker Hub counts GETs of manifests; an image whose manifest is here can still be pulled.
  assert.ok(await upstream.headManifest(NAME, TAG))
  const opened = await upstream.openBlob(NAME, BLOB_DIGEST)
  assert.deepEqual(opened && (await read(opened.body)), BLOB)
  assert.equal(server.asked.length, 3)
  nowMs += 6_000
  assert.ok(await upstream.getManifest(NAME, TAG))
})

test('a download that has begun goes on while new ones pause', async (t) => {
  let isLimiting = true
  const server = await serve(t, (_request, response) => {
    if (isLimiting) return sendError(response, 429, { 'retry-after': '60' })
    const range = `bytes 50-${BLOB.length - 1}/${BLOB.length}`
    response.writeHead(206, { 'content-range': range }).end(BLOB.subarray(50))
  })
  const upstream = registryOf(t, [server.url])
  const limited = upstreamError('rate-limited')
  await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), limited)
  isLimiting = false
  await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), limited)
  const opened = await upstream.openBlob(NAME, BLOB_DIGEST, { start: 50, end: BLOB.length - 1 })
  assert.deepEqual(opened && (await read(opened.body)), BLOB.subarray(50))
})

test('429 without Retry-After pauses for the default, and names no time', async (t) => {
  const server = await serve(t, (_request, response) => sendError(response, 429))
  const upstream = registryOf(t, [server.url])
  const wanted = { ...upstreamError('rate-limited'), retryAfterMs: undefined }
  await assert.rejects(upstream.headManifest(NAME, TAG), wanted)
  await assert.rejects(upstream.headManifest(NAME, TAG), upstreamError('rate-limited'))
  assert.equal(server.asked.length, 1)
})

test('429 with a short Retry-After is waited out, by everybody', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.asked.length === 1) sendError(response, 429, { 'retry-after': '0.05' })
    else sendManifest(response, request)
  })
  const upstream = registryOf(t, [server.url])
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal(server.asked.length, 3)
})

test('408 is tried again only when it says when', async (t) => {
  const headers: Record<string, string> = {}
  const server = await serve(t, (_request, response) => sendError(response, 408, headers))
  const upstream = registryOf(t, [server.url])
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('timed-out'))
  assert.equal(server.asked.length, 1)
  headers['retry-after'] = '0'
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('timed-out'))
  assert.equal(server.asked.length, 4)
})

test('headers that do not come are timed out, and count towards setting aside', async (t) => {
  const server = await serve(t, () => {})
  const limits = { manifestHeadersTimeoutMs: 40, tries: 1, setAsideAfterFailures: 2 }
  const upstream = registryOf(t, [server.url], { limits })
  const wanted = upstreamError('timed-out', /took too long to answer/)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('set-aside'))
  assert.equal(server.asked.length, 2)
})

test('the budget ends tries that would each be allowed', async (t) => {
  const server = await serve(t, () => {})
  const limits = { manifestHeadersTimeoutMs: 5_000, manifestBudgetMs: 60 }
  const upstream = registryOf(t, [server.url], { limits })
  const wanted = upstreamError('timed-out', /no answer about library\/nginx 1\.27 within 0\.06 s/)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
})

test('a try that the budget ends, after one that failed, counts towards setting aside', async (t) => {
  const server = await serve(t, (request) => {
    if (server.asked.length === 1) request.socket.destroy()
  })
  const limits = { manifestBudgetMs: 150, setAsideAfterFailures: 1 }
  const upstream = registryOf(t, [server.url], { limits })
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('unreachable', /closed/))
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('set-aside'))
  assert.equal(server.asked.length, 2)
})

test('a closed port: unreachable, set aside after three, asked again later, one at a time', async (t) => {
  let nowMs = Date.now()
  let dialled = 0
  const listener = net.createServer((socket) => {
    dialled++
    socket.destroy()
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => listener.close())
  const url = `http://127.0.0.1:${(listener.address() as net.AddressInfo).port}`
  const upstream = registryOf(t, [url], { now: () => nowMs, limits: { tries: 1 } })
  for (let count = 0; count < 3; count++) {
    await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('unreachable'))
  }
  assert.equal(dialled, 3)
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('set-aside'))
  await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), upstreamError('set-aside'))
  assert.equal(dialled, 3)
  nowMs += 15_001
  const probes = await Promise.allSettled([1, 2].map(() => upstream.getManifest(NAME, TAG)))
  const kinds = probes.map((probe) => probe.status === 'rejected' && probe.reason.kind)
  assert.deepEqual(kinds, ['unreachable', 'set-aside'])
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('set-aside'))
})

test('an answer, even a bad one, clears the count', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.asked.length % 3 === 0) sendError(response, 503)
    else request.socket.destroy()
  })
  const upstream = registryOf(t, [server.url], { limits: { tries: 1 } })
  for (const kind of ['unreachable', 'unreachable', 'bad-response']) {
    await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError(kind))
  }
  for (const kind of ['unreachable', 'unreachable', 'bad-response']) {
    await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError(kind))
  }
})

test('storage that is down does not set the registry aside', async (t) => {
  const cdn = await deadUrl(t)
  const server = await serve(t, (request, response) => {
    if (request.url?.includes('/blobs/')) response.writeHead(307, { location: cdn }).end()
    else sendManifest(response, request)
  })
  const upstream = registryOf(t, [server.url], { limits: { tries: 1 } })
  for (let count = 0; count < 4; count++) {
    await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), upstreamError('unreachable'))
  }
  assert.ok(await upstream.getManifest(NAME, TAG))
})

test('what is not HTTP is a bad response', async (t) => {
  const listener = net.createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => listener.close())
  const url = `http://127.0.0.1:${(listener.address() as net.AddressInfo).port}`
  const wanted = upstreamError('bad-response', /sent what is not HTTP/)
  await assert.rejects(registryOf(t, [url]).getManifest(NAME, TAG), wanted)
})

test('offline dials nothing', async (t) => {
  const server = await serve(t, (request, response) => sendManifest(response, request))
  const upstream = registryOf(t, [server.url], { offline: true })
  await assert.rejects(upstream.headManifest(NAME, TAG), upstreamError('offline'))
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('offline'))
  await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), upstreamError('offline'))
  assert.equal(server.connections, 0)
})

test('close ends what is under way and refuses what comes later', async (t) => {
  const asked = Promise.withResolvers<void>()
  const server = await serve(t, () => asked.resolve())
  const registries = new Map([['docker.io', { endpoints: [new URL(server.url)] }]])
  const upstreams = createUpstreams({
    registries,
    offline: false,
    userAgent: 'regmirror/test',
    events: SILENT,
  })
  const upstream = upstreams.registry('docker.io')
  const running = upstream.getManifest(NAME, TAG)
  void asked.promise.then(() => upstreams.close())
  await assert.rejects(running, UpstreamError)
  await assert.rejects(upstream.getManifest(NAME, TAG), UpstreamError)
  assert.equal(server.asked.length, 1)
  assert.throws(() => upstreams.registry('quay.io'), /quay\.io is not a registry/)
})
