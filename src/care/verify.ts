// `regmirror verify`: every row against its file and every file against its row, and with `--deep` every
// byte against its digest. What is bad leaves its place; pulls go on meanwhile.

import pLimit from 'p-limit'
import type { BlobStore } from '../store/blob-store.ts'
import type { Index } from '../store/index-port.ts'
import type { Integrity } from './integrity.ts'
import type { BadRow, Talk, VerifyAnswer, VerifyAsk } from './jobs.ts'
import { checkManifests } from './manifest-check.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { pairs } from './pairs.ts'
import type { Pair } from './pairs.ts'

/** Files looked at together: as many as keep the hash workers and the disk busy. */
const AT_A_TIME = 8

export interface VerifyOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly integrity: Integrity
  readonly manifests: ManifestFiles
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
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return { blobs: this.#blobs, bytes: this.#bytes, bad: this.#bad }
  }

  async #lookAtContent(): Promise<void> {
    const { index, store } = this.#options
    this.#totalBytes = (await index.usage()).blobBytes
    const limit = pLimit(AT_A_TIME)
    const running = new Set<Promise<void>>()
    try {
      for await (const pair of pairs(store, index, this.#talk.signal)) {
        const look: Promise<void> = limit(() => this.#look(pair)).finally(() =>
          running.delete(look),
        )
        running.add(look)
        if (running.size >= AT_A_TIME) await Promise.race(running)
      }
      await Promise.all(running)
    } finally {
      await Promise.allSettled(running)
    }
  }

  async #lookAtManifests(): Promise<void> {
    const { index, manifests } = this.#options
    for await (const digest of checkManifests(index, manifests, this.#talk.signal)) {
      const isThere = (await manifests.find(digest)) !== undefined
      const found = 'its bytes in the index were damaged'
      await this.#tell({ digest, found, done: isThere ? 'adopted' : 'forgotten' })
    }
  }

  async #look(pair: Pair): Promise<void> {
    const bad = await this.#judge(pair)
    if (bad) await this.#tell({ digest: pair.digest, ...bad })
    this.#progress(0)
  }

  async #judge(pair: Pair): Promise<Omit<BadRow, 'digest'> | undefined> {
    const { integrity, index, store } = this.#options
    const { digest, hasFile, sizeBytes } = pair
    if (hasFile && sizeBytes === undefined) {
      if ((await integrity.adopt(digest)) === 'adopted') {
        await this.#tell({ digest, found: 'the index did not know of it', done: 'adopted' })
      }
    }
    const file = await store.find(digest)
    if (!file) {
      if (!(await index.findBlob(digest))) return undefined
      await index.forgetBlob(digest)
      return { found: 'its file is gone', done: 'forgotten' }
    }
    this.#blobs += 1
    const isSame = sizeBytes === undefined || file.sizeBytes === sizeBytes
    if (!this.#isDeep && isSame) {
      this.#bytes += file.sizeBytes
      return undefined
    }
    const finding = await integrity.check(digest, (bytes) => this.#step(bytes))
    return finding.is === 'bad' ? { found: finding.found, done: 'quarantined' } : undefined
  }

  async #step(bytes: number): Promise<void> {
    this.#talk.signal.throwIfAborted()
    this.#progress(bytes)
  }

  #progress(bytes: number): void {
    this.#bytes += bytes
    const what = this.#isDeep ? 'hashing' : 'comparing'
    const total = Math.max(this.#totalBytes, this.#bytes)
    this.#talk.progress({ what, done: this.#bytes, total, unit: 'bytes' })
  }

  async #tell(row: BadRow): Promise<void> {
    if (row.done !== 'adopted') this.#bad += 1
    await this.#talk.rows([row])
  }
}
