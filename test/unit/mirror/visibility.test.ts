import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admission, allowedBy, PUBLIC_CHECK_MS } from '../../../src/mirror/private-policy.ts'
import type { Admission, PrivatePolicy } from '../../../src/mirror/private-policy.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'

const NOW = 1_000 * PUBLIC_CHECK_MS

type Known = 'unknown' | 'public' | 'public long ago' | 'private' | 'private long ago'

const KNOWN = {
  unknown: undefined,
  public: { isPublic: true, checkedAt: NOW - PUBLIC_CHECK_MS + 1 },
  'public long ago': { isPublic: true, checkedAt: NOW - PUBLIC_CHECK_MS },
  private: { isPublic: false, checkedAt: NOW - PUBLIC_CHECK_MS + 1 },
  'private long ago': { isPublic: false, checkedAt: NOW - PUBLIC_CHECK_MS },
}

// [known as, with a login, without one]; the policy allows none of them.
const TABLE: [Known, Admission, Admission][] = [
  ['unknown', 'check-first', 'answer'],
  ['public', 'answer', 'answer'],
  ['public long ago', 'answer-and-check', 'answer'],
  ['private', 'refuse', 'refuse'],
  ['private long ago', 'check-first', 'check-first'],
]

for (const [known, withLogin, without] of TABLE) {
  test(`a repository that is ${known}: ${withLogin} with a login, ${without} without`, () => {
    const standing = { isAllowed: false, known: KNOWN[known], now: NOW }
    assert.equal(admission({ ...standing, hasLogin: true }), withLogin)
    assert.equal(admission({ ...standing, hasLogin: false }), without)
    for (const hasLogin of [true, false]) {
      const looks = hasLogin && known === 'public long ago'
      const word = looks ? 'answer-and-check' : 'answer'
      assert.equal(admission({ ...standing, isAllowed: true, hasLogin }), word)
    }
  })
}

test('a clock that was set back makes nothing known for years', () => {
  for (const [isPublic, word] of [
    [true, 'answer-and-check'],
    [false, 'check-first'],
  ] as const) {
    const known = { isPublic, checkedAt: NOW + 1 }
    assert.equal(admission({ isAllowed: false, hasLogin: true, known, now: NOW }), word)
  }
})

const NAMES: [PrivatePolicy, string, boolean][] = [
  ['deny', 'org/app', false],
  ['everyone', 'org/app', true],
  [['org/app'], 'org/app', true],
  [['org/app'], 'org/app2', false],
  [['org/app'], 'other/org/app', false],
  [['org/*'], 'org/app', true],
  [['org/*'], 'org/deep/app', false],
  [['org/**'], 'org/deep/app', true],
  [['org/**'], 'organisation/app', false],
  [['x/*', '*/app'], 'org/app', true],
  [[], 'org/app', false],
]

for (const [policy, name, isAllowed] of NAMES) {
  test(`${JSON.stringify(policy)} ${isAllowed ? 'allows' : 'does not allow'} ${name}`, () => {
    const parsed = parseRepositoryName(name)
    assert.ok(parsed)
    assert.equal(allowedBy(policy)(parsed), isAllowed)
  })
}
