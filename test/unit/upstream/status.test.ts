import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meaningOf } from '../../../src/upstream/status.ts'
import type { Meaning, Reply } from '../../../src/upstream/status.ts'

const HTML = { contentType: 'text/html; charset=utf-8' }
const HEAD = { method: 'HEAD' } as const
const PLAIN = { contentType: 'text/plain; charset=utf-8' }
const CDN = { redirected: true }
const JSON_ERRORS = { hasErrors: true, contentType: 'application/json' }

const MEANINGS: [number, Partial<Reply>, Meaning][] = [
  [200, {}, 'ok'],
  [200, HEAD, 'ok'],
  [200, HTML, 'odd'],
  [200, { ...HEAD, contentType: 'Text/HTML' }, 'odd'],
  [206, {}, 'odd'],
  [206, { ranged: true }, 'ok'],
  [206, { ranged: true, ...HTML }, 'odd'],
  [204, {}, 'odd'],
  [304, {}, 'odd'],
  [400, {}, 'odd'],
  [400, HEAD, 'head-refused'],
  [401, {}, 'not-visible'],
  [401, { authorized: true }, 'not-visible'],
  [401, HTML, 'not-visible'],
  [401, HEAD, 'not-visible'],
  [401, { ...HEAD, authorized: true }, 'head-refused'],
  [401, CDN, 'odd'],
  [403, {}, 'not-visible'],
  [403, HTML, 'odd'],
  [403, HEAD, 'not-visible'],
  [403, { ...HEAD, authorized: true }, 'head-refused'],
  [403, { ...HEAD, ...CDN }, 'head-refused'],
  [403, CDN, 'odd'],
  [403, { ...CDN, ...JSON_ERRORS }, 'not-visible'],
  [404, {}, 'missing'],
  [404, JSON_ERRORS, 'missing'],
  [404, { contentType: 'application/json; charset=utf-8' }, 'missing'],
  [404, PLAIN, 'odd'],
  [404, { contentType: 'application/xml' }, 'odd'],
  [404, { ...PLAIN, hasErrors: true }, 'missing'],
  [404, { ...PLAIN, isEmpty: true }, 'missing'],
  [404, { ...PLAIN, ofContent: false }, 'missing'],
  [404, { ...PLAIN, ...HEAD }, 'missing'],
  [404, HTML, 'odd'],
  [404, HEAD, 'missing'],
  [404, { ...HEAD, ...HTML }, 'odd'],
  [404, CDN, 'odd'],
  [404, { ...CDN, ...JSON_ERRORS }, 'missing'],
  [404, { ...CDN, ...HEAD }, 'missing'],
  [405, {}, 'odd'],
  [405, HEAD, 'head-refused'],
  [405, { ...HEAD, ...HTML }, 'head-refused'],
  [408, {}, 'busy'],
  [410, {}, 'odd'],
  [416, { ranged: true }, 'odd'],
  [429, {}, 'rate-limited'],
  [429, { ...HEAD, ...HTML }, 'rate-limited'],
  [500, {}, 'busy'],
  [501, HEAD, 'head-refused'],
  [503, HTML, 'busy'],
  [520, {}, 'busy'],
]

for (const [status, reply, meaning] of MEANINGS) {
  test(`${status} ${JSON.stringify(reply)}: ${meaning}`, () => {
    const plain = {
      method: 'GET',
      contentType: undefined,
      ranged: false,
      hasErrors: false,
      ofContent: true,
      isEmpty: false,
      redirected: false,
      authorized: false,
    } as const
    assert.equal(meaningOf({ ...plain, status, ...reply }), meaning)
  })
}
