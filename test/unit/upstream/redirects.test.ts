import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextHop } from '../../../src/upstream/redirects.ts'

const HUB = 'https://registry-1.docker.io/v2/library/nginx/blobs/sha256:1'

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
  [HUB, 'https://10.0.0.1/', HUB, /private address/],
  ['https://cdn.test/', 'https://127.0.0.1/', HUB, /private address/],
  ['http://lan.test/a', 'https://lan.test/a', 'http://lan.test', 'https://lan.test/a'],
  ['http://lan.test/a', 'http://cdn.lan.test/', 'http://lan.test', 'http://cdn.lan.test/'],
  ['https://cdn.lan.test/', 'http://lan.test/', 'http://lan.test', /https to http/],
  ['http://127.0.0.1:1/', 'http://127.0.0.1:2/', 'http://127.0.0.1:1', 'http://127.0.0.1:2/'],
]

for (const [from, location, endpoint, wanted] of HOPS) {
  test(`${from} to ${location}`, () => {
    const next = nextHop(new URL(from), location, new URL(endpoint))
    if (typeof wanted === 'string') assert.equal('url' in next && next.url.href, wanted)
    else assert.match('refused' in next ? next.refused : '', wanted)
  })
}
