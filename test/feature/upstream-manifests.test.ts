import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, brotliCompressSync, zstdCompressSync } from 'node:zlib'
import { digestOf } from '../../src/oci/digest.ts'
import {
  BLOB_DIGEST,
  MANIFEST,
  MANIFEST_TYPE,
  NAME,
  TAG,
  registryOf,
  sendError,
  sendManifest,
  sendPage,
  serve,
  upstreamError,
} from './upstream-server.ts'

const DIGEST = digestOf(MANIFEST)
// From the only endpoint, without a login.
const OPEN = { isAnonymous: true, isOrigin: true }

test('HEAD tells digest, type and size; GET the exact bytes', async (t) => {
  const server = await serve(t, (request, response) => sendManifest(response, request))
  const upstream = registryOf(t, [server.url])
  assert.deepEqual(await upstream.headManifest(NAME, TAG), {
    digest: DIGEST,
    mediaType: MANIFEST_TYPE,
    sizeBytes: MANIFEST.length,
    ...OPEN,
  })
  assert.deepEqual(await upstream.getManifest(NAME, { digest: DIGEST }), {
    bytes: MANIFEST,
    contentType: MANIFEST_TYPE,
    ...OPEN,
  })
  const [head, get] = server.asked
  assert.equal(head?.headers['accept-encoding'], 'identity')
  assert.equal(head?.headers['user-agent'], 'regmirror/test')
  assert.match(head?.headers.accept ?? '', /oci\.image\.index.*manifest\.list\.v2/)
  assert.ok(!head?.headers.accept?.includes('*/*'))
  assert.equal(get?.line, `GET /v2/library/nginx/manifests/${DIGEST}`)
  assert.match(get?.headers.accept ?? '', /\*\/\*$/)
})

test('a path of the endpoint stays in front of /v2/', async (t) => {
  const server = await serve(t, (request, response) => sendManifest(response, request))
  await registryOf(t, [`${server.url}/mirror/`]).getManifest(NAME, TAG)
  assert.deepEqual(server.lines(), ['GET /mirror/v2/library/nginx/manifests/1.27'])
})

test('a HEAD without the headers leaves the fields undefined', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.writeHead(200, { 'docker-content-digest': 'sha256:short' }).end()
  })
  const head = await registryOf(t, [server.url]).headManifest(NAME, TAG)
  const nothing = { digest: undefined, mediaType: undefined, sizeBytes: undefined }
  assert.deepEqual(head, { ...nothing, ...OPEN })
})

for (const status of [400, 405, 501]) {
  test(`${status} to HEAD: a GET tells, by its body`, async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.method === 'HEAD') return sendError(response, status)
      response.writeHead(200, { 'content-type': MANIFEST_TYPE }).end(MANIFEST)
    })
    const head = await registryOf(t, [server.url]).headManifest(NAME, TAG)
    const sizeBytes = MANIFEST.length
    assert.deepEqual(head, { digest: DIGEST, mediaType: MANIFEST_TYPE, sizeBytes, ...OPEN })
    assert.equal(server.asked.length, 2)
  })
}

test('404 is absence, for HEAD and for GET', async (t) => {
  const server = await serve(t, (_request, response) => sendError(response, 404))
  const upstream = registryOf(t, [server.url])
  assert.equal(await upstream.headManifest(NAME, TAG), undefined)
  assert.equal(await upstream.getManifest(NAME, TAG), undefined)
  assert.equal(await upstream.openBlob(NAME, BLOB_DIGEST), undefined)
  assert.equal(server.asked.length, 3)
})

for (const status of [200, 403, 404]) {
  test(`an HTML page under ${status} is nobody's manifest and no absence`, async (t) => {
    const server = await serve(t, (_request, response) => sendPage(response, status))
    const upstream = registryOf(t, [server.url])
    if (status !== 403) {
      await assert.rejects(upstream.headManifest(NAME, TAG), upstreamError('bad-response'))
    }
    await assert.rejects(
      upstream.getManifest(NAME, TAG),
      upstreamError('bad-response', /HTML page/),
    )
    await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), upstreamError('bad-response'))
  })
}

for (const status of [204, 206, 304, 300, 416, 418]) {
  test(`${status} is a bad response, said once`, async (t) => {
    const server = await serve(t, (_request, response) => void response.writeHead(status).end())
    const wanted = upstreamError('bad-response', new RegExp(`answered ${status} to GET /v2/`))
    await assert.rejects(registryOf(t, [server.url]).getManifest(NAME, TAG), wanted)
    assert.equal(server.asked.length, 1)
  })
}

for (const [coding, compress] of [
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`a body under Content-Encoding ${coding} is decoded`, async (t) => {
    const server = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-type': MANIFEST_TYPE, 'content-encoding': coding })
      response.end(compress(MANIFEST))
    })
    const fetched = await registryOf(t, [server.url]).getManifest(NAME, TAG)
    assert.deepEqual(fetched?.bytes, MANIFEST)
  })
}

test('a broken or unknown encoding is a bad response', async (t) => {
  for (const encoding of ['gzip', 'snappy']) {
    const server = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(MANIFEST)
    })
    const upstream = registryOf(t, [server.url])
    await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('bad-response'))
  }
})

test('a manifest that is too large is refused, told or not, compressed or not', async (t) => {
  const big = Buffer.alloc(5_000, 'x')
  const zipped = gzipSync(big)
  const answers: [Record<string, string | number>, Buffer][] = [
    [{ 'content-length': big.length }, big],
    [{}, big],
    [{ 'content-length': zipped.length, 'content-encoding': 'gzip' }, zipped],
  ]
  for (const [headers, body] of answers) {
    const server = await serve(t, (_request, response) => {
      response.writeHead(200, headers).end(body)
    })
    const upstream = registryOf(t, [server.url], { limits: { manifestMaxBytes: 1_000 } })
    const wanted = upstreamError('bad-response', /more than 1000 bytes/)
    await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  }
})

test('a manifest cut in the middle is fetched again', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.asked.length > 1) return sendManifest(response, request)
    response.writeHead(200, { 'content-length': MANIFEST.length })
    response.write(MANIFEST.subarray(0, 5), () => response.destroy())
  })
  const fetched = await registryOf(t, [server.url]).getManifest(NAME, TAG)
  assert.deepEqual(fetched?.bytes, MANIFEST)
})

test('what upstream says is quoted on one line, without tokens and queries', async (t) => {
  const message = 'denied:\n\u001b[31m see https://x.test/a?X-Amz-Signature=abc Bearer abcdefghijkl'
  const server = await serve(t, (_request, response) => sendError(response, 403, {}, message))
  const wanted = upstreamError(
    'not-visible',
    /: denied: \[31m see https:\/\/x\.test\/a Bearer \*\*\*$/,
  )
  await assert.rejects(registryOf(t, [server.url]).getManifest(NAME, TAG), wanted)
})
