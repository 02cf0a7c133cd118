// What becomes readable to everybody by something that upstream gave. Pure.

import type { Opening } from '../store/index-port.ts'
import type { Provenance } from '../upstream/upstream.ts'

/**
 * What upstream gave. `hearsay`: a list, or the head of what is not recognisably a manifest: some
 * registries, and every captive portal, answer such questions to anyone.
 */
export type Given = 'manifest' | 'blob' | 'hearsay'

export function openedBy(given: Given, from: Provenance, hasLogin: boolean): Opening {
  if (!from.isAnonymous) return 'login-only'
  if (given === 'hearsay') return 'nothing'
  // There are mirrors that give any blob by its digest, whatever repository it is asked of.
  if (given === 'blob') return 'content'
  if (from.isOrigin) return 'repository'
  // Who copies the origin may keep what the origin has closed since, or never knew to be closed.
  return hasLogin ? 'content' : 'repository-until-checked'
}
