import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextHop } from '../../../src/upstream/redirects.ts'

const HUB = 'https://registry-1.docker.io/v2/library/nginx/blobs/sha256:1'

test('a private address that the operator trusts is followed to', () => {
  const home = { endpoint: new URL(HUB), trustedHosts: ['10.0.0.7:8443'] }
  const trusted = nextHop(new URL(HUB), 'https://10.0.0.7:8443/a', home)
  assert.equal('url' in trusted && trusted.url.href, 'https://10.0.0.7:8443/a')
  assert.ok('refused' in nextHop(new URL(HUB), 'https://10.0.0.7/a', home))
})

// [from, location, endpoint, next or the words of the refusal]
const HOPS: [string, string | undefined, string, string | RegExp][] = [
  [HUB, 'https://cdn.test/a?sig=1', HUB, 'https://cdn.test/a?sig=1'],
  [HUB, '/artifacts-downloads/x', HUB, 'https://registry-1.docker.io/artifacts-downloads/x'],
  [HUB, '//cdn.test/x', HUB, 'https://cdn.test/x'],
  [HUB, 'https://user:secret@cdn.test/#part', HUB, 'https://cdn.test/'],
  [HUB, undefined, HUB, /nowhere/],
  [HUB, 'https://[oops', HUB, /nowhere/],
  [HUB, 'http://cdn.test/a?sig=1', HUB, /^redirected from https to http \(cdn\.test\)$/],
  [HUB, 'ftp://cdn.test/', HUB, /ftp:/],
  [HUB, 'https://10.0.0.1/', HUB, /private address \(10\.0\.0\.1\): .* --trusted-host/],
  [HUB, 'https://169.254.169.254/latest/meta-data', HUB, /private address/],
  [HUB, 'https://[fe80::1%25eth0]/', HUB, /nowhere/],
  ['https://cdn.test/', 'https://127.0.0.1/', HUB, /private address/],
  ['http://lan.test/a', 'https://lan.test/a', 'http://lan.test', 'https://lan.test/a'],
  ['http://lan.test/a', 'http://cdn.lan.test/', 'http://lan.test', 'http://cdn.lan.test/'],
  ['https://cdn.lan.test/', 'http://lan.test/', 'http://lan.test', /https to http/],
  ['http://127.0.0.1:1/', 'http://127.0.0.1:2/', 'http://127.0.0.1:1', 'http://127.0.0.1:2/'],
]

for (const [from, location, endpoint, wanted] of HOPS) {
  test(`${from} to ${location}`, () => {
    const next = nextHop(new URL(from), location, { endpoint: new URL(endpoint), trustedHosts: [] })
    if (typeof wanted === 'string') assert.equal('url' in next && next.url.href, wanted)
    else assert.match('refused' in next ? next.refused : '', wanted)
  })
}
