import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BLOB,
  BLOB_DIGEST,
  NAME,
  TAG,
  read,
  redirectTo,
  registryOf,
  sendError,
  sendJson,
  sendManifest,
  serve,
  upstreamError,
} from './upstream-server.ts'

test('a blob behind redirects: Range goes along, the token does not', async (t) => {
  const cdn = await serve(t, (request, response) => {
    if (request.url === '/signed?sig=secret') return redirectTo(response, 'other?sig=more', 302)
    const headers = { 'content-range': `bytes 10-19/${BLOB.length}`, 'content-length': 10 }
    response.writeHead(206, headers).end(BLOB.subarray(10, 20))
  })
  const registry = await serve(t, (request, response) => {
    if (request.url?.startsWith('/token')) return sendJson(response, { token: 'secret-token' })
    if (request.headers.authorization) return redirectTo(response, `${cdn.url}/signed?sig=secret`)
    sendError(response, 401, { 'www-authenticate': 'Bearer realm="/token"' })
  })
  const opened = await registryOf(t, [registry.url]).openBlob(NAME, BLOB_DIGEST, {
    start: 10,
    end: 19,
  })
  assert.ok(opened)
  assert.equal(opened.start, 10)
  assert.equal(opened.totalBytes, BLOB.length)
  assert.deepEqual(await read(opened.body), BLOB.subarray(10, 20))
  assert.deepEqual(cdn.lines(), ['GET /signed', 'GET /other'])
  for (const { headers } of cdn.asked) {
    assert.equal(headers.authorization, undefined)
    assert.equal(headers.range, 'bytes=10-19')
    assert.equal(headers['accept-encoding'], 'identity')
  }
})

test('the token stays on a redirect within the host', async (t) => {
  const registry = await serve(t, (request, response) => {
    if (request.url?.startsWith('/token')) return sendJson(response, { token: 'good' })
    if (!request.headers.authorization) {
      return sendError(response, 401, { 'www-authenticate': 'Bearer realm="/token"' })
    }
    if (request.url?.startsWith('/v2/')) return redirectTo(response, '/artifacts-downloads/x', 302)
    sendManifest(response, request)
  })
  assert.ok(await registryOf(t, [registry.url]).getManifest(NAME, TAG))
  assert.equal(registry.asked.at(-1)?.headers.authorization, 'Bearer good')
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`${status} is followed`, async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.url === '/there') sendManifest(response, request)
      else redirectTo(response, '/there', status)
    })
    assert.ok(await registryOf(t, [server.url]).headManifest(NAME, TAG))
    assert.equal(server.lines()[1], 'HEAD /there')
  })
}

test('a chain without end ends after ten hops', async (t) => {
  const server = await serve(t, (_request, response) => redirectTo(response, '/round?secret'))
  const wanted = upstreamError(
    'bad-response',
    /^docker\.io: GET .* was redirected more than 10 times$/,
  )
  await assert.rejects(registryOf(t, [server.url]).getManifest(NAME, TAG), wanted)
  assert.equal(server.asked.length, 11)
})

for (const status of [400, 403, 410]) {
  test(`${status} behind a redirect: the registry is asked once for a new one`, async (t) => {
    let redirects = 0
    const cdn = await serve(t, (request, response) => {
      if (request.url === '/signed?n=1') response.writeHead(status).end('<Error>expired</Error>')
      else response.writeHead(200).end(BLOB)
    })
    const registry = await serve(t, (_request, response) => {
      redirects++
      redirectTo(response, `${cdn.url}/signed?n=${redirects}`)
    })
    const opened = await registryOf(t, [registry.url]).openBlob(NAME, BLOB_DIGEST)
    assert.deepEqual(opened && (await read(opened.body)), BLOB)
    assert.equal(registry.asked.length, 2)
  })
}

for (const status of [401, 403, 404]) {
  test(`${status} of storage says nothing about the repository, and shows no signed URL`, async (t) => {
    const cdn = await serve(t, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end('<Error><Code>NoSuchKey</Code><Key>sig=secret</Key></Error>')
    })
    const registry = await serve(t, (_request, response) =>
      redirectTo(response, `${cdn.url}/secret/object?sig=secret`),
    )
    const upstream = registryOf(t, [registry.url])
    const wanted = upstreamError(
      'bad-response',
      new RegExp(`answered ${status} to the redirect of GET /v2/library/nginx/blobs/sha256:\\w+$`),
    )
    await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST), wanted)
  })
}

test('a redirect to another protocol is refused', async (t) => {
  const server = await serve(t, (_request, response) => redirectTo(response, 'file:///etc/passwd'))
  const wanted = upstreamError('bad-response', /redirected to file:/)
  await assert.rejects(registryOf(t, [server.url]).getManifest(NAME, TAG), wanted)
})
