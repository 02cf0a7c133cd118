// What is done for a store while it is open, beside serving from it: looking around after a start, the
// scrub, manifests as files, and whatever a pull meets that has to be hashed again.

import { addAbortListener } from 'node:events'
import type { BlobStore } from '../store/blob-store.ts'
import type { Hasher } from '../store/hasher.ts'
import type { IndexInspection } from '../store/inspect.ts'
import type { Index } from '../store/index-port.ts'
import type { CareEvents } from './events.ts'
import type { Evictor } from './evictor.ts'
import { Integrity } from './integrity.ts'
import type { Jobs } from './jobs.ts'
import { ManifestFiles, withManifestFiles } from './manifest-files.ts'
import { recover } from './recovery.ts'
import type { Watch } from './recovery.ts'
import type { Room } from './room-port.ts'
import { scrub } from './scrub.ts'
import type { ScrubOptions } from './scrub.ts'
import { verifyJob } from './verify.ts'

export interface UpkeepOptions extends Pick<ScrubOptions, 'isBusy' | 'sleep' | 'now'> {
  readonly index: Index
  readonly store: BlobStore
  readonly hasher: Hasher
  readonly inspection: IndexInspection
  readonly room: Room
  readonly brokenDownloads: Evictor['withoutBroken']
  /** Undefined: nothing is hashed again unasked. */
  readonly scrubMs: number | undefined
  readonly events: CareEvents
}

export interface Upkeep {
  /** For whoever records manifests. */
  readonly index: Index
  readonly integrity: Integrity
  readonly verify: Jobs['verify']
  /**
   * For who wants to know all that is held at once: an index that was lost or damaged is made again, or
   * waited for where that is under way.
   */
  rebuild(watch: Watch): Promise<void>
  /** Once pulls are served: nothing of this is waited for. */
  start(): void
  /** Before the store is closed. */
  close(): Promise<void>
}

export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { index, events, scrubMs: spanMs } = options
  const integrity = new Integrity({ ...options, damaged: events.damaged })
  const manifests = new ManifestFiles(options)
  const parts = { ...options, integrity, manifests }
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let turn: Promise<void> = Promise.resolve()
  /** One after the other: the later one finds nothing left to look at. */
  const recoverInTurn = (watch: Watch): Promise<void> => {
    const mine = turn.then(() => (watch.signal.aborted ? undefined : recover(parts, watch)))
    turn = mine.catch(() => undefined)
    return mine
  }
  const failed = (error: unknown): void =>
    events.upkeepFailed(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return {
    index: withManifestFiles(index, manifests, events.indexDamaged),
    integrity,
    verify: verifyJob(parts),
    async rebuild(watch) {
      if ((await index.pendingCheck())?.kind !== 'rebuild') return
      await unlessAborted(recoverInTurn(watch), watch.signal)
      watch.signal.throwIfAborted()
    },
    start() {
      const { signal } = stopping
      running = recoverInTurn({ signal, progress: () => undefined })
        .catch(failed)
        .then(() => (spanMs === undefined ? undefined : scrub({ ...parts, spanMs }, signal)))
        .catch(failed)
    },
    async close() {
      stopping.abort()
      await Promise.all([integrity.close(), running, manifests.close()])
    },
  }
}

/** Resolves at the signal too. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  using _listener = addAbortListener(signal, () => resolve())
  await Promise.race([promise, aborted])
}
