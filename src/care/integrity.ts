// Whether stored content is what its name says. Whatever is not right leaves its place at once, so the
// next pull brings it again.

import { LRUCache } from 'lru-cache'
import { StoreError } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { knownManifest } from '../oci/known-manifest.ts'
import { MANIFEST_BYTES_MAX } from '../oci/manifest.ts'
import type { BlobStore, StoredBlob } from '../store/blob-store.ts'
import type { Hasher, RunningHash } from '../store/hasher.ts'
import type { BlobRow, Index } from '../store/index-port.ts'
import type { Room } from './room-port.ts'

/** Files found right whose rows could not be written: they are not hashed again at every pull. */
const REMEMBERED_MAX = 10_000
/** Hashed between two looks at whether to go on. */
const STEP_BYTES = 4 * 1024 * 1024
/** What changes while it is looked at is looked at again, so often. */
const LOOKS_MAX = 3
const OPENING_BRACE = 0x7b

/** Called when so many more bytes are hashed; rejects where no more are to be. */
export type Pace = (bytes: number) => Promise<void>

export type Finding =
  | { readonly is: 'right'; readonly stamp: string }
  | { readonly is: 'bad'; readonly found: string }
  | { readonly is: 'gone' }

export interface IntegrityOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly hasher: Hasher
  readonly room: Pick<Room, 'removing'>
  readonly damaged: (digest: Digest, found: string) => void
  readonly now: () => number
}

export class Integrity {
  readonly #options: IntegrityOptions
  readonly #checking = new SingleFlight<Finding>()
  readonly #right = new LRUCache<Digest, string>({ max: REMEMBERED_MAX })
  readonly #running = new Set<Promise<Finding>>()
  #isClosing = false

  constructor(options: IntegrityOptions) {
    this.#options = options
  }

  /** The stamp of the file that was found right; undefined where there is none to be served. */
  async rightStamp(digest: Digest): Promise<string | undefined> {
    const stamp = this.#right.get(digest)
    if (stamp !== undefined && (await this.#options.store.find(digest))?.stamp === stamp) {
      return stamp
    }
    const finding = await this.#checking.run(digest, () => this.check(digest))
    if (finding.is !== 'right') return undefined
    this.#right.set(digest, finding.stamp)
    return finding.stamp
  }

  /**
   * Hashes what is stored, and makes the index say what was found. Throws StoreError where that cannot
   * be told.
   */
  async check(digest: Digest, pace?: Pace): Promise<Finding> {
    const running = this.#check(digest, pace)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Nothing is judged from here on: that a hash is cut short says nothing of the content. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.allSettled(this.#running)
  }

  async #check(digest: Digest, pace?: Pace): Promise<Finding> {
    const { store } = this.#options
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const stored = await store.open(digest)
      if (!stored) {
        await this.forgetGone(digest)
        return { is: 'gone' }
      }
      try {
        const finding = await this.#look(digest, stored, pace)
        if (finding) return finding
      } finally {
        await stored.close()
      }
    }
    return { is: 'gone' }
  }

  /**
   * A file that no row tells of. What may be a manifest is looked at now, being small; the rest is
   * hashed when it is first served, or by the scrub.
   */
  async adopt(digest: Digest): Promise<'adopted' | 'bad' | 'gone'> {
    const { store, index, room } = this.#options
    await room.removing(digest)
    const file = await store.find(digest)
    if (!file || (await index.findBlob(digest))) return 'gone'
    const { sizeBytes, stamp, modifiedAt } = file
    const bytes = await this.#manifestBytes(digest, sizeBytes)
    const manifest = bytes && knownManifest(digest, bytes)
    if (manifest) await index.restoreManifest(manifest)
    await index.adoptBlob(digest, {
      sizeBytes,
      stamp: manifest && stamp,
      storedAt: Math.trunc(modifiedAt),
    })
    // It may have been evicted meanwhile.
    return (await this.forgetGone(digest)) ? 'gone' : 'adopted'
  }

  /** The row of what is not there. False where there is no row or, by now, a file. */
  async forgetGone(digest: Digest): Promise<boolean> {
    const { store, index } = this.#options
    if ((await store.find(digest)) || !(await index.findBlob(digest))) return false
    await this.#forget(digest)
    return true
  }

  /** What a download has published meanwhile keeps a row; `stamp`: of a file that shall have none. */
  async #forget(digest: Digest, stamp?: string): Promise<void> {
    const { store, index } = this.#options
    await index.forgetBlob(digest)
    const file = await store.find(digest)
    if (file && file.stamp !== stamp) await this.adopt(digest)
  }

  async #manifestBytes(digest: Digest, sizeBytes: number): Promise<Uint8Array | undefined> {
    const { store } = this.#options
    if (sizeBytes > MANIFEST_BYTES_MAX) return undefined
    const [first] = (await store.read(digest, 1)) ?? []
    return first === OPENING_BRACE ? await store.read(digest, MANIFEST_BYTES_MAX) : undefined
  }

  /** Undefined where the file changed meanwhile. */
  async #look(digest: Digest, stored: StoredBlob, pace?: Pace): Promise<Finding | undefined> {
    const { store, index } = this.#options
    const found = await this.#hash(digest, stored, pace).catch(storeError)
    const isAsItWas = async (): Promise<boolean> =>
      (await store.find(digest))?.stamp === stored.stamp
    if (!(await isAsItWas())) return undefined
    // That it could not be hashed says nothing of the content, unless it is the file that is bad.
    if (found instanceof StoreError && found.kind !== 'damaged-file') throw found
    const row = await index.findBlob(digest)
    if (found === digest) {
      await this.#noteRight(digest, row, stored)
      if (await isAsItWas()) return { is: 'right', stamp: stored.stamp }
      await this.forgetGone(digest)
      return undefined
    }
    const words = inWords(found, row, stored)
    await this.condemn(digest, words, stored.stamp)
    return { is: 'bad', found: words }
  }

  /** `stamp`: of the file that was found bad. What has taken its place since stays. */
  async condemn(digest: Digest, found: string, stamp: string): Promise<void> {
    const { store, damaged } = this.#options
    this.#refuseIfClosing()
    if ((await store.find(digest))?.stamp !== stamp) return
    try {
      await store.quarantine(digest)
    } finally {
      // Where it cannot be moved, the next download takes its place.
      await this.#forget(digest, stamp)
    }
    damaged(digest, found)
  }

  async #noteRight(digest: Digest, row: BlobRow | undefined, stored: StoredBlob): Promise<void> {
    const { index, now } = this.#options
    const { sizeBytes, stamp } = stored
    if (row?.sizeBytes === sizeBytes) return await index.checkedBlob(digest, stamp, now())
    await index.publishBlob(digest, { sizeBytes, stamp, storedAt: now() })
  }

  async #hash(digest: Digest, stored: StoredBlob, pace?: Pace): Promise<Digest> {
    const { path, sizeBytes } = stored
    const hash = this.#options.hasher.begin(digestAlgorithm(digest), path)
    await follow(hash, sizeBytes, async (bytes) => {
      this.#refuseIfClosing()
      await pace?.(bytes)
    })
    return await hash.finish(sizeBytes)
  }

  #refuseIfClosing(): void {
    if (this.#isClosing) throw new StoreError('io', 'the store is being closed')
  }
}

/** Of one file; others may still be looked at. */
export function isOfOneFile(error: unknown): error is StoreError {
  return error instanceof StoreError && (error.kind === 'io' || error.kind === 'damaged-file')
}

function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  throw error
}

async function follow(hash: RunningHash, sizeBytes: number, pace: Pace): Promise<void> {
  try {
    for (let from = 0; from < sizeBytes; from += STEP_BYTES) {
      const upTo = Math.min(sizeBytes, from + STEP_BYTES)
      await hash.reach(upTo)
      await pace(upTo - from)
    }
  } catch (error) {
    hash.drop()
    throw error
  }
}

function inWords(found: Digest | StoreError, row: BlobRow | undefined, stored: StoredBlob): string {
  if (row && row.sizeBytes !== stored.sizeBytes) {
    return `${stored.sizeBytes} bytes on disk, ${row.sizeBytes} were stored`
  }
  return found instanceof StoreError ? 'it cannot be read' : 'its content has another digest'
}
