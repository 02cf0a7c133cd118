// Header values that more than one kind of response carries.

import type { Digest } from '../oci/digest.ts'

export const IMMUTABLE = 'max-age=31536000, immutable'
export const REVALIDATE = 'no-cache'

/** RFC 7234 section 5.5, as the distribution-spec uses it: no agent, no date, at most 4096 bytes. */
export function warning(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'")
  return `299 - "stale: ${safe.slice(0, WARNING_LENGTH_MAX)}"`
}

const WARNING_LENGTH_MAX = 1000

/** RFC 9211: where the answer came from, for whoever looks with curl. */
export function cacheStatus(
  how: 'hit' | 'join' | 'miss' | 'passed' | 'revalidated' | 'stale',
): string {
  switch (how) {
    case 'hit':
      return 'regmirror; hit'
    case 'revalidated':
      return 'regmirror; hit; detail=revalidated'
    case 'stale':
      return 'regmirror; hit; detail=stale'
    case 'join':
      return 'regmirror; fwd=uri-miss; collapsed'
    case 'miss':
      return 'regmirror; fwd=uri-miss; stored'
    case 'passed':
      return 'regmirror; fwd=bypass; detail=unstored'
  }
}

/** RFC 9110 section 13.1.2, for an ETag that is a digest; clients send it quoted or bare. */
export function matchesEtag(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false
  return header
    .split(',')
    .map((entry) => entry.trim().replace(/^W\//, '').replaceAll('"', ''))
    .some((entry) => entry === '*' || entry === digest)
}
