import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSameHost, loginMayGoTo, loginMayStartAt } from '../../../src/upstream/login-reach.ts'

const HUB = 'https://registry-1.docker.io'
const LAN = 'http://10.0.0.5:5000'

// [realm, registry, endpoint, trusted hosts, whether it may have the login]
const REALMS: [string, string, string, string[], boolean][] = [
  ['https://auth.docker.io/token', 'docker.io', HUB, [], true],
  ['http://auth.docker.io/token', 'docker.io', HUB, [], false],
  ['https://auth.docker.io.evil.test/token', 'docker.io', HUB, [], false],
  ['https://evil.test/auth.docker.io', 'docker.io', HUB, [], false],
  // A proxy of the operator's in front of Docker Hub, which passes the challenge on.
  ['https://auth.docker.io/token', 'docker.io', 'http://10.0.0.9:5001', [], true],
  ['http://auth.docker.io/token', 'docker.io', 'http://10.0.0.9:5001', [], false],
  ['https://auth.docker.io/token', 'evil.test', 'https://evil.test', [], false],
  ['https://gitlab.com/jwt/auth', 'registry.gitlab.com', 'https://registry.gitlab.com', [], true],
  ['https://ghcr.io/token', 'lscr.io', 'https://lscr.io', [], true],
  ['https://lscr.io/token', 'ghcr.io', 'https://ghcr.io', [], false],
  ['https://authn.nvidia.com/token', 'nvcr.io', 'https://nvcr.io', [], true],
  ['https://auth.corp.example/t', 'hub.corp.example', 'https://hub.corp.example:5000', [], true],
  ['https://other.co.uk/t', 'hub.co.uk', 'https://hub.co.uk', [], false],
  ['https://evil.github.io/t', 'me.github.io', 'https://me.github.io', [], false],
  ['https://localhost/t', 'box.localhost', 'https://box.localhost', [], false],
  ['http://10.0.0.5:6000/auth', '10.0.0.5:5000', LAN, [], true],
  ['http://10.0.0.7/auth', '10.0.0.5:5000', LAN, [], false],
  ['http://10.0.0.7/auth', '10.0.0.5:5000', LAN, ['10.0.0.7'], true],
  ['https://10.0.0.5/auth', 'docker.io', HUB, [], false],
  ['https://sso.example/auth', 'hub.test', 'https://hub.test', ['*.example'], true],
  ['http://sso.example/auth', 'hub.test', 'https://hub.test', ['*.example'], false],
]

for (const [realm, registry, endpoint, trustedHosts, may] of REALMS) {
  const trusting = trustedHosts.length > 0 ? ` trusting ${trustedHosts}` : ''
  test(`${registry} at ${endpoint}${trusting}: ${may ? '' : 'no '}login for ${realm}`, () => {
    const site = { registry, endpoint: new URL(endpoint), trustedHosts }
    assert.equal(loginMayGoTo(new URL(realm), site), may)
  })
}

const HOMES: [string, string, boolean][] = [
  ['https://a.test/x', 'https://a.test', true],
  ['https://a.test:444/x', 'https://a.test', false],
  ['https://a.test/x', 'http://a.test', true],
  ['http://a.test/x', 'https://a.test', false],
  ['https://a.test/x', 'http://a.test:5000', false],
  ['http://127.0.0.1:2/x', 'http://127.0.0.1:1', false],
]

for (const [url, home, same] of HOMES) {
  test(`${url} is ${same ? '' : 'not '}the host ${home}`, () => {
    assert.equal(isSameHost(new URL(url), new URL(home)), same)
  })
}

test('of several endpoints, the origin and its relatives get the login', () => {
  const site = { registry: 'docker.io', trustedHosts: ['hub.corp'] }
  const origin = new URL(HUB)
  const may = (url: string) => loginMayStartAt(new URL(url), origin, site)
  assert.equal(loginMayStartAt(origin, origin, site), true)
  assert.equal(may('https://hub.corp'), true)
  assert.equal(may('https://mirror.docker.io'), true)
  assert.equal(may('https://mirror.gcr.io'), false)
  assert.equal(may('https://mirror.example'), false)
})
