// Several endpoints behind the upstream port: whom is asked, for how long, and what is told of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeftAlone } from '../../src/upstream/events.ts'
import { RIGHT, credentials } from './login-servers.ts'
import { BLOB, BLOB_DIGEST, NAME, SILENT, TAG, read, registryOf } from './upstream-server.ts'
import { redirectTo, sendError, sendManifest, serve, upstreamError } from './upstream-server.ts'

test('an endpoint that says nothing leaves half of the time to the next', async (t) => {
  const silent = await serve(t, () => {})
  const good = await serve(t, (request, response) => sendManifest(response, request))
  const limits = { manifestBudgetMs: 400, manifestHeadersTimeoutMs: 10_000 }
  const upstream = registryOf(t, [silent.url, good.url], { limits })
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal(silent.asked.length, 1)
})

test('whom an answer comes from is told, and the origin alone can be asked', async (t) => {
  const servers = await Promise.all(
    [1, 2, 3].map(() => serve(t, (request, response) => sendManifest(response, request))),
  )
  const upstream = registryOf(
    t,
    servers.map(({ url }) => url),
  )
  assert.equal((await upstream.headManifest(NAME, TAG))?.isOrigin, false)
  assert.equal((await upstream.getManifest(NAME, TAG))?.isOrigin, false)
  assert.equal((await upstream.headManifest(NAME, TAG, { originOnly: true }))?.isOrigin, true)
  assert.equal((await upstream.getManifest(NAME, TAG, { originOnly: true }))?.isOrigin, true)
  assert.deepEqual(
    servers.map(({ asked }) => asked.length),
    [2, 0, 2],
  )
})

test('an endpoint whose storage is down is as good as down where others follow', async (t) => {
  const closed = await serve(t, () => {})
  await closed.close()
  const first = await serve(t, (_request, response) => redirectTo(response, `${closed.url}/x`))
  const good = await serve(t, (_request, response) => void response.writeHead(200).end(BLOB))
  const upstream = registryOf(t, [first.url, good.url])
  for (const _ of [1, 2, 3]) {
    const opened = await upstream.openBlob(NAME, BLOB_DIGEST)
    assert.deepEqual(opened && (await read(opened.body)), BLOB)
  }
  assert.equal(first.asked.length, 1)
})

test('who is distrusted for a digest is asked last for it, for a while, and first for the rest', async (t) => {
  const first = await serve(t, (_request, response) => void response.writeHead(200).end(BLOB))
  const origin = await serve(t, (_request, response) => void response.writeHead(200).end(BLOB))
  let nowMs = Date.now()
  const upstream = registryOf(t, [first.url, origin.url], { now: () => nowMs })
  const open = async () => {
    const opened = await upstream.openBlob(NAME, BLOB_DIGEST)
    assert.ok(opened)
    await read(opened.body)
    return opened
  }
  assert.equal((await open()).distrust(), true)
  const second = await open()
  assert.equal(second.isOrigin, true)
  assert.equal(second.distrust(), false)
  assert.ok(await upstream.openBlob(NAME, `sha256:${'1'.repeat(64)}` as never))
  assert.deepEqual([first.asked.length, origin.asked.length], [2, 1])
  nowMs += 600_001
  assert.equal((await open()).isOrigin, false)
})

test('a registry that answers 416 to a range without an end is asked for the whole', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.headers.range !== undefined) return sendError(response, 416)
    response.writeHead(200, { 'content-length': BLOB.length }).end(BLOB)
  })
  const opened = await registryOf(t, [server.url]).openBlob(NAME, BLOB_DIGEST, { start: 5 })
  assert.equal(opened?.start, 0)
  assert.deepEqual(opened && (await read(opened.body)), BLOB)
})

test('what becomes of each endpoint is told, in words and as a state', async (t) => {
  let code = 429
  const limiting = await serve(t, (request, response) => {
    if (code === 200) sendManifest(response, request)
    else sendError(response, code, { 'retry-after': '60' }, 'slow down')
  })
  const dead = await serve(t, () => {})
  await dead.close()
  const good = await serve(t, (request, response) => sendManifest(response, request))
  const told: (LeftAlone | string)[] = []
  let nowMs = 1_000_000
  const events = {
    ...SILENT,
    leftAlone: (left: LeftAlone) => void told.push(left),
    worksAgain: (_registry: string, { host }: URL) => void told.push(host),
  }
  const endpoints = [limiting.url, dead.url, good.url]
  const upstream = registryOf(t, endpoints, { events, now: () => nowMs })
  const states = (): string[] => upstream.status().endpoints.map(({ state }) => state)
  assert.deepEqual(states(), ['unused', 'unused', 'unused'])
  for (const _ of [1, 2]) assert.ok(await upstream.headManifest(NAME, TAG))
  assert.deepEqual(states(), ['paused', 'set-aside', 'working'])
  const [first, second] = upstream.status().endpoints
  assert.equal(first?.untilMs, nowMs + 60_000)
  const { host } = new URL(limiting.url)
  assert.deepEqual(first.lastFailure, { kind: 'rate-limited', status: 429, host, atMs: nowMs })
  assert.equal(second?.untilMs, nowMs + 15_000)
  assert.equal(second.lastFailure?.kind, 'unreachable')
  assert.deepEqual(
    told.map((each) => typeof each === 'object' && [each.what, each.forMs]),
    [
      [{ traffic: 'lookups', anonymously: false }, 60_000],
      ['all', 15_000],
    ],
  )
  told.length = 0
  code = 200
  nowMs += 61_000
  assert.ok(await upstream.headManifest(NAME, TAG))
  assert.deepEqual(told, [new URL(limiting.url).host])
  assert.equal(states()[0], 'working')
})

// [headers, limit, remaining, window, source]
type Quota = [number | undefined, number, number | undefined, string?]
const QUOTAS: [Record<string, string>, Quota | undefined][] = [
  [
    {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '76;w=21600',
      'docker-ratelimit-source': '203.0.113.7',
    },
    [100, 76, 21_600, '203.0.113.7'],
  ],
  [{ 'ratelimit-remaining': '0' }, [undefined, 0, undefined]],
  [{ 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999' }, [5000, 4999, undefined]],
  [{ 'ratelimit-remaining': 'many' }, undefined],
  [{ 'ratelimit-limit': '100;w=21600' }, undefined],
  [{}, undefined],
]

for (const [headers, wanted] of QUOTAS) {
  test(`the pulls left, from ${JSON.stringify(headers)}`, async (t) => {
    const server = await serve(t, (request, response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      sendManifest(response, request)
    })
    const upstream = registryOf(t, [server.url], { now: () => 5 })
    await upstream.headManifest(NAME, TAG)
    const [limit, remaining, windowSeconds, source] = wanted ?? []
    const quota = { limit, remaining, windowSeconds, source, toldAtMs: 5 }
    assert.deepEqual(upstream.status().quota, wanted && quota)
  })
}

test('the pulls left are told by a 429 too, and kept where later answers say nothing', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return sendManifest(response, request)
    sendError(response, 429, { 'ratelimit-remaining': '0;w=21600' })
  })
  const upstream = registryOf(t, [server.url])
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('rate-limited'))
  await upstream.headManifest(NAME, TAG)
  assert.equal(upstream.status().quota?.remaining, 0)
})

test('what is asked without the login has pauses and a quota of its own', async (t) => {
  let isLimited = false
  const server = await serve(t, (request, response) => {
    if (request.headers.authorization !== undefined) {
      response.setHeader('ratelimit-remaining', '150')
      return sendManifest(response, request)
    }
    const limited = { 'ratelimit-remaining': '0', 'retry-after': '60' }
    if (isLimited) return sendError(response, 429, limited)
    sendError(response, 401, { 'www-authenticate': 'Basic realm="lab"' })
  })
  const settings = { credentials: credentials(RIGHT) }
  const upstream = registryOf(t, [server.url], { settings })
  assert.ok(await upstream.headManifest(NAME, TAG))
  isLimited = true
  server.asked.length = 0
  for (const _ of [1, 2]) {
    const asking = upstream.headManifest(NAME, TAG, { anonymously: true })
    await assert.rejects(asking, upstreamError('rate-limited'))
  }
  assert.equal(server.asked.length, 1, 'the second did not ask')
  assert.ok(await upstream.headManifest(NAME, TAG))
  assert.equal(upstream.status().quota?.remaining, 150)
  assert.equal(upstream.status().endpoints[0]?.state, 'working')
})

test('where there is no login, a pause is for every question', async (t) => {
  const server = await serve(t, (_request, response) => {
    sendError(response, 429, { 'ratelimit-remaining': '0', 'retry-after': '60' })
  })
  const upstream = registryOf(t, [server.url])
  for (const anonymously of [true, false]) {
    const asking = upstream.headManifest(NAME, TAG, { anonymously })
    await assert.rejects(asking, upstreamError('rate-limited'))
  }
  assert.equal(server.asked.length, 1)
  assert.equal(upstream.status().quota?.remaining, 0)
})
