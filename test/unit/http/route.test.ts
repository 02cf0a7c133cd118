import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTarget } from '../../../src/http/route.ts'
import type { Route } from '../../../src/http/route.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

const manifest = (name: string, reference: string): Route => ({ kind: 'manifest', name, reference })
const blob = (name: string, digest: string): Route => ({ kind: 'blob', name, digest })
const upload = (name: string): Route => ({ kind: 'upload', name })

// Whether a piece is valid is decided elsewhere: here it must only be the right piece.
const ROUTES: [string, Route][] = [
  ['/v2', { kind: 'ping' }],
  ['/v2/', { kind: 'ping' }],
  ['/v2/app/manifests/1', manifest('app', '1')],
  ['/v2/a/b/c/manifests/1', manifest('a/b/c', '1')],
  [`/v2/a/blobs/${DIGEST}`, blob('a', DIGEST)],
  [`/v2/a/blobs/${encodeURIComponent(DIGEST)}`, blob('a', DIGEST)],
  [`/v2/a%2Fb/manifests/1`, manifest('a/b', '1')],
  ['/v2/manifests/manifests/1', manifest('manifests', '1')],
  ['/v2/blobs/blobs/x', blob('blobs', 'x')],
  ['/v2/a/manifests/b/manifests/1', manifest('a/manifests/b', '1')],
  ['/v2/a/blobs/b/manifests/1', manifest('a/blobs/b', '1')],
  ['/v2/a/manifests/b/blobs/x', blob('a/manifests/b', 'x')],
  ['/v2/a/blobs/uploads/manifests/1', manifest('a/blobs/uploads', '1')],
  ['/v2/a/blobs/uploads', upload('a')],
  ['/v2/a/blobs/uploads/', upload('a')],
  ['/v2/a/blobs/uploads/id', upload('a')],
  ['/v2/a/blobs/uploadsx', blob('a', 'uploadsx')],
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
  ['/v2/_catalog', { kind: 'unknown' }],
  ['/V2/a/manifests/1', { kind: 'unknown' }],
  ['/', { kind: 'unknown' }],
]

for (const [target, route] of ROUTES) {
  test(`${target} is ${JSON.stringify(route)}`, () => {
    assert.deepEqual(parseTarget(target), { route, ns: undefined })
    assert.deepEqual(parseTarget(`${target}?ns=ghcr.io`), { route, ns: 'ghcr.io' })
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
] as const) {
  test(`the registry in ${query} is ${ns}`, () => {
    assert.deepEqual(parseTarget(`/v2/a/manifests/1${query}`), { route: manifest('a', '1'), ns })
  })
}
