import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IntegrityError, StoreError, UpstreamError } from '../../../src/errors.ts'
import type { UpstreamErrorKind } from '../../../src/errors.ts'
import { abandonPlan } from '../../../src/mirror/abandon.ts'
import type { AbandonPolicy } from '../../../src/mirror/abandon.ts'
import { freshness, tagTtl } from '../../../src/mirror/freshness.ts'
import type { Freshness } from '../../../src/mirror/freshness.ts'
import { RESUME_ATTEMPTS_MAX, resumeDelayMs, worthResuming } from '../../../src/mirror/resume.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/name.ts'

// [checked at, now, lifetime, offline]
const FRESHNESS: [number | undefined, number, number, boolean, Freshness][] = [
  [undefined, 100, 50, false, 'absent'],
  [undefined, 100, 50, true, 'absent'],
  [100, 100, 50, false, 'fresh'],
  [100, 149, 50, false, 'fresh'],
  [100, 150, 50, false, 'revalidate'],
  [100, 100, 0, false, 'revalidate'],
  [200, 100, 50, false, 'revalidate'],
  [100, 100, 50, true, 'stale'],
  [100, 900, 50, true, 'stale'],
]

for (const [checkedAt, now, ttlMs, offline, word] of FRESHNESS) {
  const when = `checked at ${checkedAt}, now ${now}, lifetime ${ttlMs}${offline ? ', offline' : ''}`
  test(`a tag ${when} is ${word}`, () => {
    assert.equal(freshness(checkedAt, now, ttlMs, offline), word)
  })
}

const ttl = tagTtl({
  movingMs: 1,
  exactMs: 2,
  patterns: [
    { pattern: 'nightly*', ttlMs: 3 },
    { pattern: 'docker.io/library/*:stable', ttlMs: 4 },
    { pattern: 'ghcr.io/**', ttlMs: 5 },
    { pattern: 'ghcr.io/never/*:*', ttlMs: 6 },
  ],
})

for (const [registry, name, tag, ttlMs] of [
  ['docker.io', 'library/app', 'latest', 1],
  ['docker.io', 'library/app', '1.27', 1],
  ['docker.io', 'library/app', '1.27.3', 2],
  ['docker.io', 'library/app', 'v1.27.3', 2],
  ['docker.io', 'library/app', '1.27.3-alpine3.20', 2],
  ['docker.io', 'library/app', '1.27.3.4', 2],
  ['docker.io', 'library/app', '1.27.3alpine', 1],
  ['docker.io', 'library/app', 'nightly-1.2.3', 3],
  ['docker.io', 'library/app', 'stable', 4],
  ['docker.io', 'other/app', 'stable', 1],
  ['ghcr.io', 'a/b/c', '1.2.3', 5],
  ['ghcr.io', 'never/reached', '1', 5],
] as const) {
  test(`the lifetime of ${registry}/${name}:${tag} is that of rule ${ttlMs}`, () => {
    const repository = { registry, name: parseRepositoryName(name) as never }
    assert.equal(ttl(repository, parseTag(tag) as never), ttlMs)
  })
}

const MIB = 2 ** 20

// [policy, bytes there, bytes in all, what becomes of it]
const ABANDONED: [AbandonPolicy, number, number | undefined, 'finish' | 'park' | 'wait'][] = [
  ['finish', 0, 1000 * MIB, 'finish'],
  ['finish', 0, undefined, 'finish'],
  ['park', 999 * MIB, 1000 * MIB, 'park'],
  ['auto', 0, 16 * MIB, 'finish'],
  ['auto', 0, 17 * MIB, 'wait'],
  ['auto', 901 * MIB, 1000 * MIB, 'finish'],
  ['auto', 800 * MIB, 1000 * MIB, 'wait'],
  ['auto', 5, undefined, 'wait'],
]

for (const [policy, there, total, outcome] of ABANDONED) {
  test(`${policy}, ${there} of ${total} bytes: ${outcome}`, () => {
    const plan = abandonPlan(policy, there, total)
    const word = plan === 'finish' ? plan : plan.parkAfterMs === 0 ? 'park' : 'wait'
    assert.equal(word, outcome)
  })
}

const RESUMED: Record<UpstreamErrorKind, boolean> = {
  unreachable: true,
  'timed-out': true,
  'rate-limited': true,
  'bad-response': true,
  'set-aside': true,
  'not-visible': false,
  unauthorized: false,
  offline: false,
}

for (const [kind, isWorth] of Object.entries(RESUMED)) {
  test(`a download broken by ${kind} is ${isWorth ? '' : 'not '}continued`, () => {
    const error = new UpstreamError(kind as UpstreamErrorKind, 'x')
    assert.equal(worthResuming(error, 1), isWorth)
    assert.equal(worthResuming(error, RESUME_ATTEMPTS_MAX), isWorth)
    assert.equal(worthResuming(error, RESUME_ATTEMPTS_MAX + 1), false)
  })
}

test('wrong content and a full disk are not tried again', () => {
  for (const error of [new IntegrityError('digest', 'x'), new StoreError('full', 'x'), 'x']) {
    assert.equal(worthResuming(error, 1), false)
  }
})

test('waits between continuations grow to a bound', () => {
  const waits = Array.from({ length: 9 }, (_, n) => resumeDelayMs(n + 1))
  assert.deepEqual(
    waits,
    waits.toSorted((a, b) => a - b),
  )
  assert.equal(waits.at(-1), waits.at(-2))
})
