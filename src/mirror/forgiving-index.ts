// The index as pulls see it: what cannot be read is not known, and what cannot be written is not
// remembered, so that a disk that fails keeps nobody from what upstream has. Not known always means
// less visible, never more.

import { StoreError } from '../errors.ts'
import type { Index } from '../store/index-port.ts'
import { Episode } from './episode.ts'
import { PRIVATE_UNTIL_CHECKED } from './private-policy.ts'

/** Failures that are closer together than this are one trouble. */
const QUIET_MS = 60_000
/** The trouble is told, and the call fails all the same. */
const UNFORGIVEN = Symbol('unforgiven')

export interface IndexTrouble {
  /** Told once while it lasts, apart for reading and writing. */
  indexFailed(what: IndexUse, error: StoreError): void
  indexWorks(what: IndexUse): void
}

export type IndexUse = 'reading' | 'writing'

/** Any other error than StoreError is a mistake of the program, and goes through. */
export function forgivingIndex(index: Index, trouble: IndexTrouble, now: () => number): Index {
  const guard = (what: IndexUse): Guard => {
    const episode = new Episode({
      begun: (error) => trouble.indexFailed(what, error),
      over: () => trouble.indexWorks(what),
      quietMs: QUIET_MS,
      now,
    })
    return (call, otherwise) =>
      async (...values) => {
        try {
          const answer = await call(...values)
          episode.worked()
          return answer
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          episode.failed(error)
          if (otherwise === UNFORGIVEN) throw error
          return otherwise
        }
      }
  }
  const read = guard('reading')
  const write = guard('writing')
  return {
    ...index,
    findTag: read(index.findTag, undefined),
    findContent: read(index.findContent, undefined),
    isOpen: read(index.isOpen, false),
    seenIn: read(index.seenIn, []),
    findVisibility: read(index.findVisibility, PRIVATE_UNTIL_CHECKED),
    findManifest: read(index.findManifest, undefined),
    knownTags: read(index.knownTags, []),
    findTagList: read(index.findTagList, undefined),
    findBlob: read(index.findBlob, undefined),
    wholePlatforms: read(index.wholePlatforms, []),
    heldRepositories: read(index.heldRepositories, []),
    moveTag: write(index.moveTag, undefined),
    forgetTag: write(index.forgetTag, undefined),
    recordContent: write(index.recordContent, undefined),
    recordVisibility: write(index.recordVisibility, undefined),
    recordManifest: write(index.recordManifest, undefined),
    recordTagList: write(index.recordTagList, undefined),
    recordReferrers: write(index.recordReferrers, undefined),
    // Its file has to go where it gets no row.
    publishBlob: write(index.publishBlob, UNFORGIVEN),
    forgetBlob: write(index.forgetBlob, undefined),
    recordUses: write(index.recordUses, undefined),
    countPulls: write(index.countPulls, undefined),
  }
}

type Guard = <Values extends unknown[], Found>(
  call: (...values: Values) => Promise<Found>,
  otherwise: Found | typeof UNFORGIVEN,
) => (...values: Values) => Promise<Found>
