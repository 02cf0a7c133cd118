// `regmirror verify`: every row against its file and every file against its row, and with `--deep` every
// byte against its digest. What is bad leaves its place; pulls go on meanwhile.

import type { BlobStore } from '../store/blob-store.ts'
import type { Index } from '../store/index-port.ts'
import type { Evictor } from './evictor.ts'
import { isOfOneFile } from './integrity.ts'
import type { Integrity } from './integrity.ts'
import type { BadRow, Talk, VerifyAnswer, VerifyAsk } from './jobs.ts'
import { checkManifests } from './manifest-check.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { pairs } from './pairs.ts'
import type { Pair } from './pairs.ts'

/** Files looked at together: as many as keep the hash workers and the disk busy. */
const AT_A_TIME = 8

/** Nothing was lost by it. */
const HARMLESS: readonly BadRow['done'][] = ['adopted', 'removed']

export interface VerifyOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly integrity: Integrity
  readonly manifests: ManifestFiles
  readonly brokenDownloads: Evictor['withoutBroken']
}

export function verifyJob(options: VerifyOptions) {
  return (ask: VerifyAsk, talk: Talk<BadRow>): Promise<VerifyAnswer> =>
    new Verification(options, ask, talk).run()
}

class Verification {
  readonly #options: VerifyOptions
  readonly #isDeep: boolean
  readonly #talk: Talk<BadRow>
  #blobs = 0
  #bytes = 0
  /** Of what is under way too. */
  #lookedAtBytes = 0
  #bad = 0
  #totalBytes = 0

  constructor(options: VerifyOptions, { isDeep }: VerifyAsk, talk: Talk<BadRow>) {
    this.#options = options
    this.#isDeep = isDeep
    this.#talk = talk
  }

  /** Interrupted, it answers what was done until then. */
  async run(): Promise<VerifyAnswer> {
    const { signal } = this.#talk
    try {
      await this.#lookAtContent()
      await this.#lookAtManifests()
      await this.#lookAtDownloads()
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return { blobs: this.#blobs, bytes: this.#bytes, bad: this.#bad }
  }

  async #lookAtContent(): Promise<void> {
    const { index, store } = this.#options
    this.#totalBytes = (await index.usage()).blobBytes
    const running = new Set<Promise<void>>()
    const errors: unknown[] = []
    try {
      for await (const pair of pairs(store, index, this.#talk.signal)) {
        const look: Promise<void> = this.#look(pair)
          .catch((error: unknown) => void errors.push(error))
          .finally(() => running.delete(look))
        running.add(look)
        if (running.size >= AT_A_TIME) await Promise.race(running)
        if (errors.length > 0) break
      }
    } finally {
      await Promise.all(running)
    }
    if (errors.length > 0) throw errors[0]
  }

  async #lookAtManifests(): Promise<void> {
    const { index, manifests } = this.#options
    for await (const digest of checkManifests(index, manifests, this.#talk.signal)) {
      const isThere = (await manifests.find(digest)) !== undefined
      const found = 'its bytes in the index were damaged'
      await this.#tell({ digest, found, done: isThere ? 'adopted' : 'forgotten' })
    }
  }

  async #lookAtDownloads(): Promise<void> {
    for await (const { digest } of this.#options.brokenDownloads()) {
      const found = 'a download that broke off, and cannot be resumed'
      await this.#tell({ digest, found, done: 'removed' })
      this.#talk.signal.throwIfAborted()
    }
  }

  async #look(pair: Pair): Promise<void> {
    const bad = await this.#judge(pair).catch(unreadable)
    if (bad) await this.#tell({ digest: pair.digest, ...bad })
  }

  async #judge(pair: Pair): Promise<Omit<BadRow, 'digest'> | undefined> {
    const { integrity, store } = this.#options
    const { digest, hasFile, sizeBytes } = pair
    if (hasFile && sizeBytes === undefined) {
      if ((await integrity.adopt(digest)) === 'adopted') {
        await this.#tell({ digest, found: 'the index did not know of it', done: 'adopted' })
      }
    }
    const file = await store.find(digest)
    if (!file) {
      const isForgotten = await integrity.forgetGone(digest)
      return isForgotten ? { found: 'its file is gone', done: 'forgotten' } : undefined
    }
    const isSame = sizeBytes === undefined || file.sizeBytes === sizeBytes
    if (!this.#isDeep && isSame) {
      this.#count(file.sizeBytes)
      this.#progress(file.sizeBytes)
      return undefined
    }
    const finding = await integrity.check(digest, (bytes) => this.#step(bytes))
    if (finding.is !== 'gone') this.#count(file.sizeBytes)
    return finding.is === 'bad' ? { found: finding.found, done: 'quarantined' } : undefined
  }

  async #step(bytes: number): Promise<void> {
    this.#progress(bytes)
    this.#talk.signal.throwIfAborted()
  }

  #count(bytes: number): void {
    this.#blobs += 1
    this.#bytes += bytes
  }

  #progress(bytes: number): void {
    this.#lookedAtBytes += bytes
    const done = this.#lookedAtBytes
    const what = this.#isDeep ? 'hashing' : 'comparing'
    const total = Math.max(this.#totalBytes, done)
    this.#talk.progress({ what, done, total, unit: 'bytes' })
  }

  async #tell(row: BadRow): Promise<void> {
    if (!HARMLESS.includes(row.done)) this.#bad += 1
    await this.#talk.rows([row])
  }
}

/** One file that cannot be looked at keeps nobody from looking at the others. */
function unreadable(error: unknown): Omit<BadRow, 'digest'> {
  if (!isOfOneFile(error)) throw error
  return { found: `cannot be read: ${error.message}`, done: 'left' }
}
