import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { statusReport } from '../../src/http/status.ts'
import { bytesContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { tooManyRequests } from '../support/scripted-reply.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'
import type { Answer } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'protocol', form: 'oci', architectures: ['arm64'] })
const blob = seededContent('protocol', 300_000)
const empty = bytesContent(Buffer.alloc(0))
const MANIFEST = `/v2/app/manifests/${image.top.digest}`
const BLOB = `/v2/app/blobs/${blob.digest}`
const ABSENT = `sha256:${'0'.repeat(64)}`

let setting: Setting

before(async () => {
  setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', image)
  setting.upstream.addBlob('library/app', blob)
  setting.upstream.addBlob('library/app', empty)
  await setting.mirror.get('/v2/app/manifests/1')
  await setting.mirror.get(BLOB)
})
after(() => setting.close())

function assertRegistryHeaders({ headers }: Answer): void {
  assert.equal(headers.get('docker-distribution-api-version'), 'registry/2.0')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.ok(headers.has('date'))
}

for (const path of ['/v2/', '/v2', '/v2/?ns=ghcr.io']) {
  test(`a ping of ${path} is answered here, whatever upstream does`, async () => {
    setting.asked()
    const get = await setting.mirror.get(path)
    assert.equal(get.status, 200)
    assert.equal(get.body.toString(), '{}')
    assert.equal(get.headers.get('content-type'), 'application/json')
    const head = await setting.mirror.head(path)
    assert.equal(head.status, 200)
    assert.equal(head.headers.get('content-length'), '2')
    assert.equal(head.body.length, 0)
    assertRegistryHeaders(get)
    assertRegistryHeaders(head)
    assert.deepEqual(setting.asked(), [])
  })
}

// [method, path, status, code]
const REFUSALS: [string, string, number, string][] = [
  ['POST', '/v2/app/blobs/uploads/', 405, 'UNSUPPORTED'],
  ['POST', `/v2/app/blobs/uploads/?mount=${ABSENT}&from=other`, 405, 'UNSUPPORTED'],
  ['PATCH', '/v2/app/blobs/uploads/an-id', 405, 'UNSUPPORTED'],
  ['PUT', `/v2/app/blobs/uploads/an-id?digest=${ABSENT}`, 405, 'UNSUPPORTED'],
  ['DELETE', '/v2/app/blobs/uploads/an-id', 405, 'UNSUPPORTED'],
  ['PUT', '/v2/app/manifests/1', 405, 'UNSUPPORTED'],
  ['DELETE', '/v2/app/manifests/1', 405, 'UNSUPPORTED'],
  ['DELETE', `/v2/app/blobs/${ABSENT}`, 405, 'UNSUPPORTED'],
  ['GET', '/v2/app/blobs/uploads/an-id', 404, 'BLOB_UPLOAD_UNKNOWN'],
  ['GET', '/v2/app/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
  ['GET', '/v2/app/manifests/sha256:totallywrong', 400, 'DIGEST_INVALID'],
  ['GET', '/v2/app/blobs/sha256:totallywrong', 400, 'DIGEST_INVALID'],
  ['GET', '/v2/app/blobs/1.27', 400, 'DIGEST_INVALID'],
  ['GET', `/v2/app/blobs/md5:${'0'.repeat(32)}`, 400, 'DIGEST_INVALID'],
  ['GET', `/v2/app/blobs/${ABSENT.toUpperCase()}`, 400, 'DIGEST_INVALID'],
  ['GET', '/v2/app/manifests/.INVALID_MANIFEST_NAME', 404, 'MANIFEST_UNKNOWN'],
  ['GET', `/v2/app/manifests/${'x'.repeat(129)}`, 404, 'MANIFEST_UNKNOWN'],
  ['GET', '/v2/app/manifests/nope', 404, 'MANIFEST_UNKNOWN'],
  ['GET', `/v2/app/manifests/${ABSENT}`, 404, 'MANIFEST_UNKNOWN'],
  ['GET', `/v2/app/blobs/${ABSENT}`, 404, 'BLOB_UNKNOWN'],
  ['GET', '/v2/app/nothing/here', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/_oci/ext/discover', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/app/_oci/ext/discover', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/app/referrers/sha256:totallywrong', 400, 'DIGEST_INVALID'],
  ['GET', '/v2/app/tags/list?n=-1', 400, 'PAGINATION_NUMBER_INVALID'],
  ['GET', '/v2/app/tags/list?n=ten', 400, 'PAGINATION_NUMBER_INVALID'],
  ['GET', '/v2/app/tags/list?n=1.5', 400, 'PAGINATION_NUMBER_INVALID'],
  ['GET', '/v2/_catalog?n=+1', 400, 'PAGINATION_NUMBER_INVALID'],
  ['OPTIONS', '/v2/app/manifests/1', 405, 'UNSUPPORTED'],
  ['TRACE', '/v2/app/manifests/1', 405, 'UNSUPPORTED'],
  ['OPTIONS', '/v2/', 405, 'UNSUPPORTED'],
  ['POST', '/v2/_catalog', 405, 'UNSUPPORTED'],
  ['POST', '/healthz', 405, 'UNSUPPORTED'],
  ['PUT', '/v2/ghcr.io/app/manifests/1', 405, 'UNSUPPORTED'],
  ['PUT', '/v2/app/manifests/1?ns=ghcr.io', 405, 'UNSUPPORTED'],
  ['PUT', '/ghcr.io/v2/app/manifests/1', 405, 'UNSUPPORTED'],
  ['POST', '/ghcr.io/v2/app/blobs/uploads/', 405, 'UNSUPPORTED'],
  ['POST', '/evil.test/v2/app/blobs/uploads/', 405, 'UNSUPPORTED'],
  ['GET', '/ghcr.io/v2/app/blobs/uploads/an-id', 404, 'BLOB_UPLOAD_UNKNOWN'],
]

for (const [method, path, status, code] of REFUSALS) {
  test(`${method} ${path} is ${status} ${code}`, async () => {
    const answer = await setting.mirror.ask(method, path)
    assert.equal(answer.status, status)
    assert.equal(errorCode(answer), code)
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.headers.get('content-length'), String(answer.body.length))
    if (status === 405) assert.equal(answer.headers.get('allow'), 'GET, HEAD')
    assertRegistryHeaders(answer)
    if (method !== 'GET') return
    const head = await setting.mirror.head(path)
    assert.equal(head.status, status)
    assert.equal(head.body.length, 0)
  })
}

for (const path of ['/v2/app/manifests/1', '/ghcr.io/v2/app/manifests/1']) {
  test(`a push with a body is refused before the body is waited for: ${path}`, async () => {
    const headers = { 'content-length': '1000000', expect: '100-continue' }
    const answer = await setting.mirror.ask('PUT', path, headers)
    assert.equal(answer.status, 405)
    assert.equal(answer.headers.get('connection'), 'close')
  })
}

for (const path of ['/v1/_ping', '/v1/search?q=app', '/ghcr.io/v1/_ping']) {
  test(`the version 1 API is plainly not here, with what that means: ${path}`, async () => {
    const answer = await setting.mirror.get(path)
    assert.equal(answer.status, 404)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/)
    assert.match(answer.body.toString(), /version 1 .*\/v2\//)
    assert.equal((await setting.mirror.ask('PUT', path)).status, 404)
  })
}

test('TLS on the plain port gets an HTTP answer, by which clients know to try plain HTTP', async () => {
  const { hostname, port } = new URL(setting.mirror.url)
  const socket = net.connect(Number(port), hostname)
  socket.write(Buffer.from('16030100f8010000f40303', 'hex'))
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /)
})

for (const [target, status] of [
  [`/v2/../v2/app/manifests/1`, 404],
  [`/v2/app//manifests/1`, 400],
  [`/v2/app/%2e%2e/manifests/1`, 400],
  [`/v2/app/manifests/%2e%2e`, 404],
  [`/v2/app/blobs/${encodeURIComponent(blob.digest)}`, 200],
] as const) {
  test(`the target counts as it stands on the wire: ${target} is ${status}`, async () => {
    setting.asked()
    const { hostname, port } = new URL(setting.mirror.url)
    const found = Promise.withResolvers<number | undefined>()
    http.get({ hostname, port, path: target }, (response) => {
      response.resume()
      found.resolve(response.statusCode)
    })
    assert.equal(await found.promise, status)
    assert.deepEqual(setting.asked(), [])
  })
}

for (const [what, path] of [
  ['a manifest by tag', '/v2/app/manifests/1'],
  ['a manifest by digest', MANIFEST],
  ['a blob', BLOB],
  ['an empty blob', `/v2/app/blobs/${empty.digest}`],
] as const) {
  test(`HEAD of ${what} has the headers of GET`, async () => {
    const plain = (answer: Answer) =>
      [...answer.headers]
        .filter(([name]) => !['date', 'cache-status'].includes(name))
        .map((header) => header.join(': '))
        .sort()
    const get = await setting.mirror.get(path)
    const head = await setting.mirror.head(path)
    assert.equal(get.status, 200)
    assert.equal(head.status, 200)
    assert.deepEqual(plain(head), plain(get))
    assert.equal(head.body.length, 0)
    assert.equal(get.headers.get('content-length'), String(get.body.length))
    assert.ok(get.headers.has('docker-content-digest'))
    assertRegistryHeaders(get)
  })
}

test('a manifest keeps its bytes and its bare media type', async () => {
  const answer = await setting.mirror.get('/v2/app/manifests/1', { accept: 'text/html' })
  const held = image.manifests.get(image.top.digest)
  assert.ok(held)
  assert.deepEqual(answer.body, held.bytes)
  assert.equal(answer.headers.get('content-type'), held.mediaType)
})

for (const path of [MANIFEST, '/v2/app/manifests/1', BLOB]) {
  const digest = path === BLOB ? blob.digest : image.top.digest
  const equal = [`"${digest}"`, digest, `W/"${digest}"`, `"other", "${digest}"`, '*']
  test(`304 for each form of the right If-None-Match: ${path}`, async () => {
    for (const method of ['GET', 'HEAD']) {
      for (const etag of path === BLOB && method === 'HEAD' ? [] : equal) {
        const answer = await setting.mirror.ask(method, path, { 'if-none-match': etag })
        assert.equal(answer.status, 304, `${method} with ${etag}`)
        assert.equal(answer.headers.get('etag'), `"${digest}"`)
        assert.equal(answer.headers.get('docker-content-digest'), digest)
        assert.equal(answer.body.length, 0)
      }
      const other = await setting.mirror.ask(method, path, { 'if-none-match': `"${ABSENT}"` })
      assert.equal(other.status, 200)
    }
  })
}

test('the digest of a manifest under /blobs is no blob', async () => {
  setting.asked()
  for (const method of ['GET', 'HEAD']) {
    const answer = await setting.mirror.ask(method, `/v2/app/blobs/${image.top.digest}`)
    assert.equal(answer.status, 404)
  }
  assert.deepEqual(setting.asked(), [])
})

test('outside the registry there are a page for people and a health check', async () => {
  assert.equal((await setting.mirror.get('/healthz')).status, 200)
  assert.match((await setting.mirror.get('/')).body.toString(), /regmirror/)
  assert.equal((await setting.mirror.get('/favicon.ico')).status, 404)
})

test('the status tells of the registries that were used, and of no others', async () => {
  const answer = await setting.mirror.get('/status')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  const { version, uptimeSeconds, registries } = JSON.parse(answer.body.toString()) as {
    version: string
    uptimeSeconds: number
    registries: unknown
  }
  assert.match(version, /^\d+\.\d+\.\d+/)
  assert.ok(Number.isInteger(uptimeSeconds))
  assert.deepEqual(registries, [
    {
      registry: 'docker.io',
      login: 'none',
      endpoints: [{ url: setting.upstream.url, state: 'working' }],
    },
  ])
})

test('the status tells what went wrong and until when an endpoint is left alone', async () => {
  await using failing = await Setting.start()
  const { mirror, upstream } = failing
  upstream.script({ path: '/v2/some/app/', reply: tooManyRequests(1000) })
  assert.equal((await mirror.get('/v2/some/app/manifests/1')).status, 503)
  const { registries } = JSON.parse((await mirror.get('/status')).body.toString()) as {
    registries: { endpoints: { state: string; until: string; lastFailure: { at: string } }[] }[]
  }
  const [endpoint] = registries[0]?.endpoints ?? []
  assert.equal(endpoint?.state, 'paused')
  assert.ok(Date.parse(endpoint.until) > Date.now())
  const { at, ...failure } = endpoint.lastFailure
  const { host } = new URL(upstream.url)
  assert.deepEqual(failure, { kind: 'rate-limited', status: 429, host })
  assert.ok(Date.parse(at) <= Date.now())
})

test('the status never shows a login, nor the account that is counted', () => {
  const report = statusReport('1.0.0', 1234, [
    {
      registry: 'docker.io',
      login: 'configured',
      loginTriedAtMs: undefined,
      quota: {
        limit: 200,
        remaining: 76,
        windowSeconds: 21_600,
        source: 'some-account',
        toldAtMs: 0,
      },
      endpoints: [
        {
          url: new URL('https://some-user:some-password@hub.test/path/'),
          state: 'unused',
          untilMs: undefined,
          lastFailure: undefined,
        },
      ],
    },
  ])
  assert.deepEqual(JSON.parse(JSON.stringify(report)), {
    version: '1.0.0',
    uptimeSeconds: 1,
    registries: [
      {
        registry: 'docker.io',
        login: 'configured',
        quota: {
          limit: 200,
          remaining: 76,
          windowSeconds: 21_600,
          toldAt: '1970-01-01T00:00:00.000Z',
        },
        endpoints: [{ url: 'https://hub.test/path', state: 'unused' }],
      },
    ],
  })
})
