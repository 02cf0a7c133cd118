import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTarget } from '../../../src/http/route.ts'
import type { Route } from '../../../src/http/route.ts'
import { campaign, seed } from '../../support/seed.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

const manifest = (name: string, reference: string): Route => ({ kind: 'manifest', name, reference })
const blob = (name: string, digest: string): Route => ({ kind: 'blob', name, digest })
const upload = (name: string): Route => ({ kind: 'upload', name })
const tags = (name: string, base: string): Route => ({ kind: 'tags', name, base })
const referrers = (name: string, base: string, digest: string): Route => ({
  kind: 'referrers',
  name,
  base,
  digest,
})
const outside = (first?: string): Route => ({ kind: 'outside', first })

const PLAIN_QUERY = { ns: undefined, n: undefined, last: undefined, artifactTypes: [] }

// Whether a piece is valid is decided elsewhere: here it must only be the right piece.
const ROUTES: [string, Route][] = [
  ['/v2', { kind: 'ping' }],
  ['/v2/', { kind: 'ping' }],
  ['/v2/app/manifests/1', manifest('app', '1')],
  ['/v2/a/b/c/manifests/1', manifest('a/b/c', '1')],
  ['/v2/v2/app/manifests/1', manifest('v2/app', '1')],
  ['/v2/a/v1/b/manifests/1', manifest('a/v1/b', '1')],
  [`/v2/a/blobs/${DIGEST}`, blob('a', DIGEST)],
  [`/v2/a/blobs/${encodeURIComponent(DIGEST)}`, blob('a', DIGEST)],
  [`/v2/a%2Fb/manifests/1`, manifest('a/b', '1')],
  ['/v2/manifests/manifests/1', manifest('manifests', '1')],
  ['/v2/blobs/blobs/x', blob('blobs', 'x')],
  ['/v2/a/manifests/b/manifests/1', manifest('a/manifests/b', '1')],
  ['/v2/a/blobs/b/manifests/1', manifest('a/blobs/b', '1')],
  ['/v2/a/manifests/b/blobs/x', blob('a/manifests/b', 'x')],
  ['/v2/a/referrers/b/blobs/x', blob('a/referrers/b', 'x')],
  ['/v2/a/tags/list/manifests/1', manifest('a/tags/list', '1')],
  ['/v2/a/blobs/uploads/manifests/1', manifest('a/blobs/uploads', '1')],
  ['/v2/a/blobs/uploads', upload('a')],
  ['/v2/a/blobs/uploads/', upload('a')],
  ['/v2/a/blobs/uploads/id', upload('a')],
  ['/v2/a/blobs/uploadsx', blob('a', 'uploadsx')],
  ['/v2/a/tags/list', tags('a', '/v2/a')],
  ['/v2/a%2Fb/tags/list', tags('a/b', '/v2/a%2Fb')],
  ['/v2/a/manifests/tags/list', tags('a/manifests', '/v2/a/manifests')],
  ['/v2/tags/tags/list', tags('tags', '/v2/tags')],
  ['/v2/tags/list', tags('', '/v2')],
  ['/v2/a/tags', { kind: 'unknown' }],
  ['/v2/a/tags/list/', { kind: 'unknown' }],
  [`/v2/a/referrers/${DIGEST}`, referrers('a', '/v2/a', DIGEST)],
  [`/v2/a/b/referrers/sha256%3Ab`, referrers('a/b', '/v2/a/b', 'sha256:b')],
  ['/v2/a/manifests/b/referrers/x', referrers('a/manifests/b', '/v2/a/manifests/b', 'x')],
  ['/v2/a/referrers/x/y', { kind: 'unknown' }],
  ['/v2/_catalog', { kind: 'catalog', base: '/v2' }],
  ['/v2/a/_catalog', { kind: 'unknown' }],
  ['/v2/_oci/ext/discover', { kind: 'unknown' }],
  ['/v2/a/_oci/ext/discover', { kind: 'unknown' }],
  ['/v2/a/../manifests/1', manifest('a/..', '1')],
  ['/v2/a/%2e%2e/manifests/1', manifest('a/..', '1')],
  ['/v2/a//b/manifests/1', manifest('a//b', '1')],
  ['/v2//manifests/1', manifest('', '1')],
  ['/v2/a/manifests/', manifest('a', '')],
  ['/v2/a/manifests/..', manifest('a', '..')],
  ['/v2/a/manifests/%252e', manifest('a', '%2e')],
  ['/v2/a/manifests/%zz', manifest('a', '%zz')],
  ['/v2/a/manifests/1/2', { kind: 'unknown' }],
  ['/v2/a/blobs/x/y', { kind: 'unknown' }],
  ['/v2/manifests/1', manifest('', '1')],
  ['/v2/a', { kind: 'unknown' }],
  ['/v1/_ping', { kind: 'version-1' }],
  ['/v1', { kind: 'version-1' }],
  ['/hub/v1/search', { kind: 'version-1' }],
  ['/v1/repositories/v2/images', { kind: 'version-1' }],
  ['/V2/a/manifests/1', outside('V2')],
  ['/v2x/a/manifests/1', outside('v2x')],
  ['/%762/a/manifests/1', outside('%762')],
  ['/ghcr.io/some/app/manifests/1', outside('ghcr.io')],
  ['/a/b/c/blobs/x', outside('a')],
  ['/ghcr.io/app/tags/list', outside('ghcr.io')],
  ['/ghcr.io/app', outside()],
  ['/favicon.ico', outside()],
  ['/', outside()],
  ['http://other.test/v2/', { kind: 'absolute' }],
  ['http://other.test/v2/a/manifests/1', { kind: 'absolute' }],
  ['*', { kind: 'absolute' }],
  ['', { kind: 'absolute' }],
]

for (const [target, route] of ROUTES) {
  test(`${target} is ${JSON.stringify(route)}`, () => {
    assert.deepEqual(parseTarget(target), { route, prefix: undefined, query: PLAIN_QUERY })
    const query = { ...PLAIN_QUERY, ns: 'ghcr.io' }
    assert.deepEqual(parseTarget(`${target}?ns=ghcr.io`), { route, prefix: undefined, query })
  })
}

for (const [target, prefix, route] of [
  ['/hub/v2', 'hub', { kind: 'ping' }],
  ['/hub/v2/', 'hub', { kind: 'ping' }],
  ['/ghcr.io/v2/some/app/manifests/1', 'ghcr.io', manifest('some/app', '1')],
  ['/a/b/v2/app/manifests/1', 'a/b', manifest('app', '1')],
  ['/a/v2/v2/app/manifests/1', 'a', manifest('v2/app', '1')],
  ['/v2x/v2/app/manifests/1', 'v2x', manifest('app', '1')],
  ['/lab.test%3A5000/v2/app/manifests/1', 'lab.test:5000', manifest('app', '1')],
  ['/%252e/v2/app/manifests/1', '%2e', manifest('app', '1')],
  ['/%zz/v2/app/manifests/1', '%zz', manifest('app', '1')],
  ['/a%2Fv2/v2/app/manifests/1', 'a/v2', manifest('app', '1')],
  ['//v2/app/manifests/1', '', manifest('app', '1')],
  ['/../v2/app/manifests/1', '..', manifest('app', '1')],
  ['/hub/v2/app/tags/list', 'hub', tags('app', '/hub/v2/app')],
  ['/lab.test%3A5000/v2/app/tags/list', 'lab.test:5000', tags('app', '/lab.test%3A5000/v2/app')],
  [`/hub/v2/app/referrers/x`, 'hub', referrers('app', '/hub/v2/app', 'x')],
  ['/hub/v2/_catalog', 'hub', { kind: 'catalog', base: '/hub/v2' }],
  ['/hub/v2/app/blobs/uploads/', 'hub', upload('app')],
] as const) {
  test(`${target} is ${JSON.stringify(route)} of what stands before /v2`, () => {
    assert.deepEqual(parseTarget(target), { route, prefix, query: PLAIN_QUERY })
  })
}

for (const [query, ns] of [
  ['?ns=ghcr.io', 'ghcr.io'],
  ['?ns=lab.test%3A5000', 'lab.test:5000'],
  ['?a=b&ns=ghcr.io&ns=other', 'ghcr.io'],
  ['?ns=', undefined],
  ['?', undefined],
  ['?n=1', undefined],
  ['?x=/v2/b/manifests/2', undefined],
  ['?ns=a%0d%0ab', '?'],
  ['?ns=%C3%A9', '?'],
] as const) {
  test(`the registry in ${query} is ${ns}`, () => {
    const parsed = parseTarget(`/v2/a/manifests/1${query}`)
    assert.deepEqual(parsed.route, manifest('a', '1'))
    assert.equal(parsed.query.ns, ns)
  })
}

test('what a list is asked for is read out of the query, each piece decoded once', () => {
  const target = '/v2/a/tags/list?n=5&last=a%2526b&artifactType=x%2By&artifactType=z&artifactType='
  assert.deepEqual(parseTarget(target).query, {
    ns: undefined,
    n: '5',
    last: 'a%26b',
    artifactTypes: ['x+y', 'z'],
  })
})

const KINDS = ['absolute', 'outside', 'version-1']

test('no target is too odd, and what is before /v2 changes nothing of the rest', () => {
  const words = ['v1', 'v2', 'manifests', 'blobs', 'uploads', 'referrers', 'tags', 'list', '..', '']
  const odd = fc.constantFrom(...words, '%2F', '%', '?', '#', '_catalog', 'ghcr.io', DIGEST)
  const piece = fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 8 }))
  const path = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('/')}`)
  const property = fc.property(path, fc.stringMatching(/^[a-z.]{1,10}$/), (rest, prefix) => {
    assert.ok(parseTarget(rest.slice(1)))
    const plain = parseTarget(`/v2${rest}`)
    assert.ok(!KINDS.includes(plain.route.kind))
    const prefixed = parseTarget(`/${prefix}/v2${rest}`)
    assert.equal(prefixed.prefix, prefix)
    const { route } = prefixed
    const base = 'base' in route ? { base: route.base.replace(`/${prefix}`, '') } : {}
    assert.deepEqual({ ...route, ...base }, plain.route)
  })
  fc.assert(property, { seed, numRuns: campaign(2000) })
})
