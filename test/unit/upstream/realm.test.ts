import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import type { RepositoryName } from '../../../src/oci/name.ts'
import { grantFor, resolveRealm, tokenUrl } from '../../../src/upstream/realm.ts'

const FROM = 'https://registry.test/v2/a/manifests/1'

// [realm, where the challenge came from, endpoint, resolved]
const REALMS: [string, string, string, string | undefined][] = [
  ['https://auth.test/token', FROM, FROM, 'https://auth.test/token'],
  ['/token?x=1', FROM, FROM, 'https://registry.test/token?x=1'],
  ['http://auth.test/token', FROM, FROM, undefined],
  ['http://auth.test/token', 'http://lan.test', 'http://lan.test', 'http://auth.test/token'],
  ['https://auth.test/token', 'http://lan.test', 'http://lan.test', 'https://auth.test/token'],
  ['https://10.0.0.1/token', FROM, FROM, undefined],
  ['https://169.254.169.254/', FROM, FROM, undefined],
  ['http://127.0.0.1:2/', 'http://127.0.0.1:1', 'http://127.0.0.1:1', 'http://127.0.0.1:2/'],
  ['file:///etc/passwd', FROM, FROM, undefined],
  ['https://[oops', FROM, FROM, undefined],
]

for (const [realm, from, endpoint, resolved] of REALMS) {
  test(`realm ${realm} of ${endpoint}: ${resolved}`, () => {
    assert.equal(
      resolveRealm(realm, new URL(from), { endpoint: new URL(endpoint), trustedHosts: [] })?.href,
      resolved,
    )
  })
}

const NAME = parseRepositoryName('a/b') as RepositoryName
const REALM = new URL('https://auth.test/token?fixed=1')

// [scope of the challenge, service, request, query]
const QUERIES: [string | undefined, string | undefined, string, string][] = [
  [undefined, 's', '/v2/a/b/manifests/1', 'fixed=1&service=s&scope=repository%3Aa%2Fb%3Apull'],
  [undefined, undefined, '/v2/k/a/b/blobs/x', 'fixed=1&scope=repository%3Ak%2Fa%2Fb%3Apull'],
  [undefined, undefined, '/elsewhere', 'fixed=1&scope=repository%3Aa%2Fb%3Apull'],
  ['aws', 's', '/v2/a/b/manifests/1', 'fixed=1&service=s&scope=aws'],
  ['one two', undefined, '/v2/a/b/manifests/1', 'fixed=1&scope=one&scope=two'],
]

for (const [scope, service, path, query] of QUERIES) {
  test(`token request for ${scope} at ${path}`, () => {
    const challenge = { realm: 'not read again', service, scope }
    const grant = grantFor(challenge, REALM, new URL(path, FROM), NAME)
    assert.equal(tokenUrl(grant).search, `?${query}`)
  })
}
