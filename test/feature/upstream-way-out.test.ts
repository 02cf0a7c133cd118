// Proxies: the upstream has a name that only the proxy can resolve, so nothing gets there past it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Authority } from '../support/certificates.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import type { ProxyOptions } from '../support/http-proxy.ts'
import { CLOSED_ORIGIN } from '../support/net-ports.ts'
import { redirect } from '../support/scripted-reply.ts'
import type { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { SocksProxy } from '../support/socks-proxy.ts'
import type { RegistryChanges } from '../support/test-mirror.ts'
import { BLOBS, failure, mirrorOf, pull, upstreamWithImage } from './way-out.ts'

const LOGIN = { user: 'us%er', password: 'p@ss:word' }
const PLAIN = 'http://registry.test'
const SECURE = 'https://registry.test'

// A resolver may also take its time to say so.
const UNRESOLVED = /^docker\.io: registry\.test (cannot be reached: |took too long)/

let authority: Authority
before(async () => {
  authority = await Authority.create()
})
after(() => authority.close())

async function secureUpstream(): Promise<ScriptedUpstream> {
  return upstreamWithImage({ certificate: await authority.issue({ names: ['registry.test'] }) })
}

function hostsOf(upstream: ScriptedUpstream): Record<string, string> {
  const { host } = new URL(upstream.url)
  return { 'registry.test:80': host, 'registry.test:443': host }
}

function through(proxy: string, endpoint: string, more: Partial<RegistryChanges> = {}) {
  const ca = authority.certificate
  return mirrorOf({ endpoints: [endpoint], proxy: new URL(proxy), ca, ...more })
}

function httpProxy(kind: string, options: ProxyOptions): Promise<HttpProxy> {
  return kind === 'https' ? secureProxy(options) : HttpProxy.start(options)
}

async function secureProxy(options: ProxyOptions = {}): Promise<HttpProxy> {
  return HttpProxy.start({ ...options, certificate: await authority.issue() })
}

for (const kind of ['http', 'https']) {
  for (const login of [undefined, LOGIN]) {
    const as = login ? 'with a login' : 'without a login'
    test(`${kind} proxy ${as}: TLS goes through tunnels, and shows nobody the login`, async () => {
      await using upstream = await secureUpstream()
      const given = login && { login }
      await using proxy = await httpProxy(kind, { ...given, hosts: hostsOf(upstream) })
      await using mirror = await through(proxy.urlWithLogin, SECURE)
      await pull(mirror)
      assert.equal(proxy.tunnelsTo('registry.test:443'), upstream.connections)
      assert.equal(proxy.asked.length, upstream.connections)
      assert.equal(proxy.refused, 0)
      for (const { headers } of upstream.log.all) {
        assert.equal(headers['proxy-authorization'], undefined)
        assert.equal(headers['host'], 'registry.test')
      }
    })

    test(`${kind} proxy ${as}: plain HTTP is asked of the proxy, without tunnels`, async () => {
      await using upstream = await upstreamWithImage()
      const given = login && { login }
      await using proxy = await httpProxy(kind, { ...given, hosts: hostsOf(upstream) })
      await using mirror = await through(proxy.urlWithLogin, PLAIN)
      await pull(mirror)
      const reached = upstream.log.all.map(({ method, url }) => `${method} ${PLAIN}${url}`)
      assert.deepEqual(proxy.asked, reached)
      assert.equal(reached.length > 0, true)
      assert.equal(proxy.refused, 0)
    })
  }
}

for (const login of [undefined, LOGIN]) {
  for (const endpoint of [PLAIN, SECURE]) {
    const as = login ? 'with a login' : 'without a login'
    test(`socks5 proxy ${as}: ${endpoint} is resolved by the proxy`, async () => {
      await using upstream = endpoint === PLAIN ? await upstreamWithImage() : await secureUpstream()
      const given = login && { login }
      await using proxy = await SocksProxy.start({ ...given, hosts: hostsOf(upstream) })
      await using mirror = await through(proxy.urlWithLogin, endpoint)
      await pull(mirror)
      const host = `registry.test:${endpoint === PLAIN ? 80 : 443}`
      const wanted = Array.from({ length: upstream.connections }, () => ({ host, kind: 'name' }))
      assert.deepEqual(proxy.asked, wanted)
      assert.equal(upstream.connections > 0, true)
      for (const { url, headers } of upstream.log.all) {
        assert.match(url, /^\/v2\//)
        assert.equal(headers['proxy-authorization'], undefined)
      }
    })
  }
}

test('a socks5 proxy is given addresses as addresses, of both families', async () => {
  await using upstream = await upstreamWithImage()
  const { host } = new URL(upstream.url)
  const long = '[fd00:0000:0000:0000:0000:00ab:0000:0005]:5000'
  const hosts = { '10.0.0.5:5000': host, [long]: host }
  await using proxy = await SocksProxy.start({ hosts })
  for (const [endpoint, asked] of [
    ['http://10.0.0.5:5000', '10.0.0.5:5000'],
    ['http://[fd00::ab:0:5]:5000', long],
  ] as const) {
    proxy.asked.length = 0
    await using mirror = await through(proxy.url, endpoint)
    await pull(mirror)
    assert.deepEqual(proxy.asked[0], { host: asked, kind: 'address' })
  }
})

for (const endpoint of [PLAIN, SECURE]) {
  test(`a refused login is told of without the password, and not tried again: ${endpoint}`, async () => {
    await using proxy = await HttpProxy.start({ login: LOGIN })
    const url = proxy.url.replace('://', '://user:wrong-secret@')
    await using mirror = await through(url, endpoint)
    const { host } = new URL(proxy.url)
    const words = 'answered 407 Proxy Authentication Required: check the login in its URL'
    assert.equal(await failure(mirror), `docker.io: the proxy ${host} ${words}`)
    assert.equal(proxy.refused, 1)
    assert.doesNotMatch(JSON.stringify(mirror.lines), /wrong-secret|d3Jvbmctc2VjcmV0/)
  })
}

test('a proxy that wants a login where none is given says so', async () => {
  await using proxy = await HttpProxy.start({ login: LOGIN })
  await using mirror = await through(proxy.url, SECURE)
  const words = /answered 407 Proxy Authentication Required: put USER:PASSWORD@ into its URL$/
  assert.match(await failure(mirror), words)
})

test('a socks5 proxy that refuses the login, or wants one, is told of once', async () => {
  await using proxy = await SocksProxy.start({ login: LOGIN })
  await using wrong = await through(proxy.url.replace('://', '://user:wrong-secret@'), SECURE)
  const refused =
    /^docker\.io: the proxy 127\.0\.0\.1:\d+ refused the login: check the login in its URL$/
  assert.match(await failure(wrong), refused)
  assert.doesNotMatch(JSON.stringify(wrong.lines), /wrong-secret/)
  await using none = await through(proxy.url, SECURE)
  assert.match(await failure(none), /wants a login: put USER:PASSWORD@ into its URL$/)
  assert.equal(proxy.connections, 2)
  assert.deepEqual(proxy.asked, [])
})

for (const scheme of ['http', 'https', 'socks5']) {
  test(`${scheme} proxy that is not there: the message says that it is the proxy`, async () => {
    await using mirror = await through(`${scheme}://${CLOSED_ORIGIN}`, SECURE)
    const wanted = /^docker\.io: the proxy 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED/
    assert.match(await failure(mirror), wanted)
  })
}

// [answer to CONNECT, tries, words]
const ANSWERS = [
  [403, 1, /answered 403 Forbidden when asked for registry\.test:443$/],
  [502, 3, /answered 502 Bad Gateway when asked for registry\.test:443$/],
] as const
for (const [status, tries, words] of ANSWERS) {
  test(`a proxy that answers ${status} is asked ${tries} times`, async () => {
    await using proxy = await HttpProxy.start()
    proxy.status = status
    await using mirror = await through(proxy.url, SECURE)
    assert.match(await failure(mirror), words)
    assert.equal(proxy.connections, tries)
  })
}

// [reply, tries, words]
const REPLIES = [
  [2, 1, /does not allow it when asked for registry\.test:443$/],
  [5, 3, /was refused the connection when asked for registry\.test:443$/],
  [99, 1, /gave an unknown answer when asked for registry\.test:443$/],
] as const
for (const [reply, tries, words] of REPLIES) {
  test(`a socks5 proxy that replies ${reply} is asked ${tries} times`, async () => {
    await using proxy = await SocksProxy.start()
    proxy.reply = reply
    await using mirror = await through(proxy.url, SECURE)
    assert.match(await failure(mirror), words)
    assert.equal(proxy.asked.length, tries)
  })
}

test('a socks5 proxy that leaves in the middle is not waited for', async () => {
  await using proxy = await SocksProxy.start()
  proxy.leaves = true
  await using mirror = await through(proxy.url, SECURE)
  assert.match(await failure(mirror), /closed the connection before it led anywhere$/)
})

test('what is not SOCKS5 is named as that', async () => {
  await using proxy = await HttpProxy.start()
  await using mirror = await through(proxy.url.replace('http:', 'socks5:'), SECURE)
  assert.match(await failure(mirror), /the proxy 127\.0\.0\.1:\d+ does not speak SOCKS5$/)
})

test('a proxy that never answers is given the time for connecting, no more', async () => {
  await using proxy = await HttpProxy.start()
  proxy.silent = true
  const upstream = { connectTimeoutMs: 100, headerTimeoutMs: 20_000, idleTimeoutMs: 20_000 }
  const registry = { endpoints: [SECURE], proxy: new URL(proxy.url) }
  await using mirror = await mirrorOf(registry, { upstream })
  assert.match(await failure(mirror), /the proxy 127\.0\.0\.1:\d+ took too long to connect$/)
  assert.equal(proxy.connections, 3)
})

test('an https proxy has to prove who it is, and gets no login before', async () => {
  await using stranger = await Authority.create('a stranger')
  const certificate = await stranger.issue()
  await using proxy = await HttpProxy.start({ certificate, login: LOGIN })
  await using mirror = await through(proxy.urlWithLogin, PLAIN)
  assert.match(await failure(mirror), /the proxy \S+ has a certificate from an authority .* --ca/)
  assert.deepEqual([proxy.asked, proxy.refused], [[], 0])
})

test('unverified TLS is for the registry, not for the proxy', async () => {
  await using stranger = await Authority.create('a stranger')
  await using proxy = await HttpProxy.start({ certificate: await stranger.issue() })
  const way = { proxy: new URL(proxy.url), unverifiedTls: true }
  await using mirror = await mirrorOf({ endpoints: [SECURE], ...way })
  assert.match(await failure(mirror), /the proxy \S+ has a certificate from an authority/)
})

test('storage that the registry redirects to is reached through the proxy too', async () => {
  await using upstream = await upstreamWithImage()
  const hosts = { ...hostsOf(upstream), 'cdn.test:80': new URL(upstream.url).host }
  await using proxy = await HttpProxy.start({ hosts, login: LOGIN })
  await using mirror = await through(proxy.urlWithLogin, PLAIN)
  for (const digest of BLOBS) {
    const path = `/v2/library/app/blobs/${digest}`
    upstream.script({ path, times: 1, reply: redirect(`http://cdn.test${path}`) })
  }
  await pull(mirror)
  const fromCdn = proxy.asked.filter((line) => line.startsWith('GET http://cdn.test/'))
  assert.equal(fromCdn.length, BLOBS.length)
  assert.equal(proxy.refused, 0)
})

// [where a registry with a public name sends us, trusted hosts, whether we go]
const REDIRECTS = [
  ['http://10.0.0.1', [], false],
  ['http://169.254.169.254', [], false],
  ['http://[::ffff:10.0.0.1]', [], false],
  ['http://localhost', [], false],
  ['http://10.0.0.1', ['10.0.0.1'], true],
] as const
for (const [target, trustedHosts, goes] of REDIRECTS) {
  const trusting = trustedHosts.length > 0 ? ' that the operator trusts' : ''
  test(`${goes ? '' : 'never '}sent to ${target}${trusting} by a public registry`, async () => {
    await using upstream = await upstreamWithImage()
    const { host } = new URL(target)
    const port = new URL(upstream.url).host
    await using proxy = await HttpProxy.start({
      hosts: { ...hostsOf(upstream), [`${host}:80`]: port },
    })
    await using mirror = await through(proxy.url, PLAIN, { trustedHosts })
    const path = '/v2/library/app/manifests/1'
    upstream.script({ path, times: 1, reply: redirect(target + path) })
    if (goes) await pull(mirror)
    else assert.match(await failure(mirror), /redirected to a private address/)
    assert.equal(proxy.asked.filter((line) => line.includes(target)).length, goes ? 1 : 0)
  })
}

test("the environment's proxy is used, except for loopback and what NO_PROXY names", async () => {
  await using upstream = await upstreamWithImage()
  await using proxy = await HttpProxy.start({ hosts: hostsOf(upstream) })
  const http = new URL(proxy.url)
  const environmentProxy = { http, https: undefined, noProxy: 'other.test' }

  await using named = await mirrorOf(PLAIN, { environmentProxy })
  await pull(named)
  assert.equal(proxy.asked.length, upstream.log.all.length)

  proxy.asked.length = 0
  await using loopback = await mirrorOf(upstream.url, { environmentProxy })
  await pull(loopback)
  const noProxy = 'registry.test'
  await using exempt = await mirrorOf(PLAIN, { environmentProxy: { ...environmentProxy, noProxy } })
  assert.match(await failure(exempt), UNRESOLVED)
  await using none = await mirrorOf({ endpoints: [PLAIN], proxy: 'none' }, { environmentProxy })
  assert.match(await failure(none), UNRESOLVED)
  assert.deepEqual(proxy.asked, [])
})

test('the address family holds for a registry and for the way to its proxy', async () => {
  await using upstream = await upstreamWithImage()
  const endpoint = upstream.url.replace('127.0.0.1', 'localhost')
  await using four = await mirrorOf({ endpoints: [endpoint], ipFamily: 4 })
  await pull(four)
  const connections = upstream.connections
  await using six = await mirrorOf({ endpoints: [endpoint], ipFamily: 6 })
  assert.match(await failure(six), /^docker\.io: localhost:\d+ cannot be reached: /)
  assert.equal(upstream.connections, connections)

  await using proxy = await HttpProxy.start({ hosts: hostsOf(upstream) })
  const url = proxy.url.replace('127.0.0.1', 'localhost')
  await using proxied = await through(url, PLAIN, { ipFamily: 6 })
  assert.match(await failure(proxied), /^docker\.io: the proxy localhost:\d+ cannot be reached: /)
  assert.equal(proxy.connections, 0)
})
