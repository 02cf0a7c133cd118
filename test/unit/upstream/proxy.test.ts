import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { parseNoProxy } from '../../../src/upstream/no-proxy.ts'
import { chooseProxy, parseProxy, proxyAuthorization } from '../../../src/upstream/proxy.ts'

// [NO_PROXY, URL, exempt]
const EXEMPT: [string, string, boolean][] = [
  ['', 'https://registry.test', false],
  ['', 'http://127.0.0.1:5000', true],
  ['', 'http://localhost', true],
  ['', 'http://[::1]:5000', true],
  ['*', 'https://registry.test', true],
  ['other.test, *', 'https://registry.test', true],
  ['registry.test', 'https://registry.test:5000', true],
  ['registry.test', 'https://eu.registry.test', true],
  ['registry.test', 'https://myregistry.test', false],
  ['REGISTRY.Test', 'https://registry.test', true],
  ['registry.test.', 'https://registry.test', true],
  ['registry.test', 'https://registry.test.', true],
  ['.corp', 'https://registry.corp', true],
  ['.corp', 'https://corp', false],
  ['*.corp', 'https://a.b.corp', true],
  ['*.corp', 'https://corp', false],
  ['registry.test:5000', 'https://registry.test:5000', true],
  ['registry.test:5000', 'https://registry.test', false],
  ['registry.test:443', 'https://registry.test', true],
  ['registry.test:80', 'http://registry.test', true],
  ['10.0.0.5', 'http://10.0.0.5:5000', true],
  ['10.0.0.5:5000', 'http://10.0.0.5:5000', true],
  ['10.0.0.5:5000', 'http://10.0.0.5', false],
  ['10.0.0.5', 'http://10.0.0.50', false],
  ['10.0.0.0/8', 'http://10.255.0.1', true],
  ['10.0.0.0/8', 'http://11.0.0.1', false],
  ['10.0.0.0/8', 'http://10.example.com', false],
  ['10.0.0.0/33', 'http://10.0.0.1', false],
  ['fd00::1', 'http://[fd00::1]:5000', true],
  ['fd00:0:0::0001', 'http://[fd00::1]:5000', true],
  ['[fd00::1]:5000', 'http://[fd00::1]:5000', true],
  ['[fd00::1]:5000', 'http://[fd00::1]', false],
  ['fd00::/8', 'http://[fd12::1]', true],
  ['a.test b.test', 'http://b.test', true],
  ['a.test,,b.test,', 'http://c.test', false],
]

for (const [list, url, exempt] of EXEMPT) {
  test(`NO_PROXY=${list}: ${url} ${exempt ? 'needs no' : 'takes the'} proxy`, () => {
    assert.equal(parseNoProxy(list)(new URL(url)), exempt)
  })
}

test("a registry's own proxy comes before the environment's, and takes everything", () => {
  const environment = { http: undefined, https: new URL('http://env.test:3128'), noProxy: '*' }
  const own = chooseProxy(new URL('http://own.test:3128'), environment)
  assert.equal(own(new URL('https://registry.test'))?.host, 'own.test:3128')
  assert.equal(own(new URL('http://127.0.0.1'))?.host, 'own.test:3128')
})

test("'none' is no proxy, whatever the environment says", () => {
  const environment = { http: undefined, https: new URL('http://env.test:3128'), noProxy: '' }
  assert.equal(chooseProxy('none', environment)(new URL('https://registry.test')), undefined)
})

test("the environment's proxies are by the scheme of what is asked", () => {
  const https = new URL('socks5://b.test')
  const proxyOf = chooseProxy(undefined, { http: new URL('http://a.test'), https, noProxy: '' })
  assert.equal(proxyOf(new URL('http://registry.test'))?.host, 'a.test:80')
  assert.equal(proxyOf(new URL('https://registry.test'))?.host, 'b.test:1080')
  assert.equal(chooseProxy(undefined, undefined)(new URL('https://registry.test')), undefined)
})

test('a login in the URL is decoded for the proxy, and shown to nobody else', () => {
  const proxy = parseProxy(new URL('https://user:p%40ss%3A@proxy.test:3129'))
  const wanted = `Basic ${Buffer.from('user:p@ss:').toString('base64')}`
  assert.equal(proxyAuthorization(proxy), wanted)
  assert.doesNotMatch(inspect(proxy, { depth: 5 }) + JSON.stringify(proxy), /p@ss/)
  assert.equal(proxyAuthorization(parseProxy(new URL('http://proxy.test'))), undefined)
})

test('a stray % in a password stands for itself', () => {
  const { login } = parseProxy(new URL('http://user:50%@proxy.test'))
  assert.equal(login?.password.reveal(), '50%')
})
