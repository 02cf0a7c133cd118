import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTrusted } from '../../../src/upstream/trusted-hosts.ts'

// [pattern, URL, trusted]
const HOSTS: [string, string, boolean][] = [
  ['auth.corp', 'https://auth.corp', true],
  ['auth.corp', 'https://auth.corp:8443', true],
  ['auth.corp', 'https://AUTH.corp', true],
  ['auth.corp', 'https://auth.corp.', true],
  ['auth.corp', 'https://x.auth.corp', false],
  ['auth.corp', 'https://auth.corp.evil.test', false],
  ['auth.corp:443', 'https://auth.corp', true],
  ['auth.corp:80', 'https://auth.corp', false],
  ['10.0.0.7:8443', 'https://10.0.0.7:8443', true],
  ['10.0.0.7:8443', 'https://10.0.0.7', false],
  ['[fd00::1]:8443', 'https://[fd00::1]:8443', true],
  ['*.cdn.corp', 'https://eu.cdn.corp', true],
  ['*.cdn.corp', 'https://a.eu.cdn.corp:8443', true],
  ['*.cdn.corp', 'https://cdn.corp', false],
  ['*.cdn.corp', 'https://mycdn.corp', false],
  ['*.cdn.corp', 'https://cdn.corp.evil.test', false],
  ['*.cdn.corp:8443', 'https://eu.cdn.corp', false],
  ['*.cdn.corp:8443', 'https://eu.cdn.corp:8443', true],
]

for (const [pattern, url, trusted] of HOSTS) {
  test(`${pattern} ${trusted ? 'means' : 'does not mean'} ${url}`, () => {
    assert.equal(isTrusted(new URL(url), ['other.corp', pattern]), trusted)
  })
}
