// Whether a repository is answered from: what anybody may read is, the rest as the operator says. Pure.

import picomatch from 'picomatch'
import type { RepositoryName } from '../oci/name.ts'
import type { Visibility } from '../store/index-port.ts'

/** Who may read what only a login can read: nobody, everyone, or everyone those repositories (globs). */
export type PrivatePolicy = 'deny' | 'everyone' | readonly string[]

/** For this long a repository counts as what it was when it was last looked at without a login. */
export const PUBLIC_CHECK_MS = 24 * 3_600_000

/** Of a repository of which what is known cannot be read: upstream has to say it again. */
export const PRIVATE_UNTIL_CHECKED: Visibility = { isPublic: false, checkedAt: 0 }

export interface Standing {
  /** Whether the policy opens the repository to everyone, whoever may read it upstream. */
  readonly isAllowed: boolean
  /** Whether the registry is asked with a login. */
  readonly hasLogin: boolean
  readonly known: Visibility | undefined
  readonly now: number
}

/**
 * - `answer-and-check`: at once, and see meanwhile whether anybody may still read it
 * - `check-first`: only if anybody may read it
 */
export type Admission = 'answer' | 'answer-and-check' | 'check-first' | 'refuse'

export function admission({ isAllowed, hasLogin, known, now }: Standing): Admission {
  // What the policy opens may share what it holds as public, for as long as it is.
  if (isAllowed) return known?.isPublic ? publicAdmission(known, hasLogin, now) : 'answer'
  // Without a login upstream itself refuses what is not for everybody.
  if (!known) return hasLogin ? 'check-first' : 'answer'
  if (known.isPublic) return publicAdmission(known, hasLogin, now)
  return isRecent(known, now) ? 'refuse' : 'check-first'
}

/** Until when the word is `answer`, if only the clock changes, in ms since the epoch. */
export function answeredUntil(standing: Standing): number {
  const { hasLogin, known } = standing
  if (admission(standing) !== 'answer') return -Infinity
  return known?.isPublic && hasLogin ? known.checkedAt + PUBLIC_CHECK_MS : Infinity
}

function publicAdmission(known: Visibility, hasLogin: boolean, now: number): Admission {
  return !hasLogin || isRecent(known, now) ? 'answer' : 'answer-and-check'
}

/** A clock that was set back must not keep a repository as it is for years. */
export function isRecent({ checkedAt }: Visibility, now: number): boolean {
  const age = now - checkedAt
  return age >= 0 && age < PUBLIC_CHECK_MS
}

/** Compiles the patterns once. */
export function allowedBy(policy: PrivatePolicy): (name: RepositoryName) => boolean {
  if (policy === 'deny') return () => false
  if (policy === 'everyone') return () => true
  return picomatch([...policy], { dot: true })
}
