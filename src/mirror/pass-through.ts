// A blob on its way from upstream to one reader, unstored: each reader asks for itself, because what one
// has read is nowhere for another to follow. It goes on after a break, as a download does, and the last
// bytes of a whole are withheld until its digest holds. Ranges go through as they come: whoever reads
// in pieces checks what the pieces make.

import { setTimeout as delay } from 'node:timers/promises'
import { digestMismatch, IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { Hasher, RunningHash } from '../store/hasher.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import type { Pace } from './pace.ts'
import { RESUME_PROGRESS_BYTES, resumeDelayMs, worthResuming } from './resume.ts'
import type { Open } from './sources.ts'

/** Kept back from readers until the digest holds. */
export const WITHHELD_BYTES = 64 * 1024

export interface PassOptions {
  readonly digest: Digest
  /** Undefined while nobody has told it. */
  readonly sizeBytes: number | undefined
  readonly hasher: Hasher
  readonly pace: Pace
  readonly open: Open
  /** A whole was verified, or something went wrong that is not its reader's leaving. */
  passed(end: PassEnd): void
}

export type PassEnd =
  | { readonly how: 'verified'; readonly isAnonymous: boolean }
  | { readonly how: 'failed'; readonly error: Error; readonly othersMayBeRight: boolean }

/**
 * Where the bytes before a position are, that a whole is verified with: in a file, by its fd; `lost`:
 * they have to come once more; `unread`: its reader never had them.
 */
export type Prefix = number | 'lost' | 'unread'

export class PassThrough {
  readonly #options: PassOptions
  readonly #left = new AbortController()
  readonly #distrusts: OpenedBlob['distrust'][] = []
  #isAnonymous = true
  #sizeBytes: number | undefined
  #opened: OpenedBlob | undefined
  #hash: RunningHash | undefined

  /** `first`: the whole, opened already. */
  constructor(options: PassOptions, first?: OpenedBlob) {
    this.#options = options
    this.#sizeBytes = options.sizeBytes
    this.#opened = first
    if (first) this.#heard(first)
  }

  get sizeBytes(): number | undefined {
    return this.#sizeBytes
  }

  /** `[position, end)`, without `end` to wherever the content ends. One at a time. */
  async *bytes(
    position: number,
    end: number | undefined,
    prefix: Prefix,
  ): AsyncGenerator<Uint8Array> {
    const isToTheEnd = end === undefined || end === this.#sizeBytes
    const isWhole = isToTheEnd && (position === 0 || prefix !== 'unread')
    const { pace } = this.#options
    pace.liveBegan(this)
    try {
      yield* isWhole ? this.#verified(position, prefix) : this.#unverified(position, end)
    } catch (error) {
      if (!this.#left.signal.aborted) this.#failed(error as Error)
      throw error
    } finally {
      pace.liveEnded(this)
    }
  }

  /** The reader is done, or gone: upstream need not go on. */
  close(): void {
    this.#options.pace.liveEnded(this)
    this.#left.abort()
    this.#opened?.abort()
    // Nobody asks for more, so whoever gives the bytes does not come to its end.
    this.#hash?.drop()
    this.#hash = undefined
  }

  #failed(error: Error): void {
    let othersMayBeRight = false
    // Which of them sent the wrong bytes cannot be told.
    if (error instanceof IntegrityError) {
      for (const distrust of this.#distrusts) othersMayBeRight = distrust()
    }
    this.#options.passed({ how: 'failed', error, othersMayBeRight })
  }

  /** A prefix that cannot be read back is fetched once more, only to be hashed. */
  async *#verified(position: number, prefix: Prefix): AsyncGenerator<Uint8Array> {
    let given = position
    if (typeof prefix === 'number' && position > 0) {
      try {
        for await (const chunk of this.#withheld(position, position, prefix)) {
          given += chunk.byteLength
          yield chunk
        }
        return
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
      }
    }
    yield* this.#withheld(given, 0, undefined)
  }

  /** From `position` on, where the hash takes from the file what lies before `from`. */
  async *#withheld(
    position: number,
    from: number,
    file: number | undefined,
  ): AsyncGenerator<Uint8Array> {
    const { digest, hasher } = this.#options
    const hash = hasher.begin(digestAlgorithm(digest), file)
    this.#hash = hash
    const tail = new Tail()
    let at = from
    try {
      if (from > 0) hash.advance(from)
      for await (const chunk of this.#hashed(hash, from)) {
        const read = Math.min(Math.max(0, position - at), chunk.byteLength)
        at += chunk.byteLength
        yield* tail.add(chunk.subarray(read))
      }
      const found = await hash.finish(from)
      if (found !== digest) throw digestMismatch(digest, found)
    } finally {
      if (this.#hash === hash) this.#hash = undefined
      hash.drop()
    }
    this.#options.passed({ how: 'verified', isAnonymous: this.#isAnonymous })
    yield* tail.rest()
  }

  /** The hash takes one chunk while the next is on its way. */
  async *#hashed(hash: RunningHash, from: number): AsyncGenerator<Uint8Array> {
    let taken = Promise.resolve()
    for await (const chunk of this.#unverified(from, undefined)) {
      await taken
      taken = hash.append(chunk)
      taken.catch(() => undefined)
      yield chunk
    }
    await taken
  }

  async *#unverified(position: number, end: number | undefined): AsyncGenerator<Uint8Array> {
    let attempts = 0
    let before = position
    while (position < (end ?? this.#sizeBytes ?? Infinity)) {
      try {
        for await (const chunk of this.#body(position, end)) {
          position += chunk.byteLength
          yield chunk
        }
        return
      } catch (error) {
        if (position - before >= RESUME_PROGRESS_BYTES) attempts = 0
        before = position
        attempts += 1
        if (this.#left.signal.aborted || !worthResuming(error, attempts)) throw error
        await delay(resumeDelayMs(attempts), undefined, { signal: this.#left.signal })
      }
    }
  }

  /** One body of upstream's, as far as it goes. */
  async *#body(position: number, end: number | undefined): AsyncGenerator<Uint8Array> {
    const opened = this.#opened ?? (await this.#open(position, end ?? this.#sizeBytes))
    try {
      let at = opened.start
      for await (const chunk of opened.body) {
        const from = at
        at += chunk.byteLength
        this.#options.pace.liveArrived(chunk.byteLength)
        const limit = end ?? this.#sizeBytes ?? Infinity
        if (end === undefined && at > limit) throw this.#wrongSize(at)
        const wanted = chunk.subarray(Math.max(0, position - from), Math.max(0, limit - from))
        if (wanted.byteLength > 0) yield wanted
        if (at >= limit && end !== undefined) return
      }
      const limit = end ?? this.#sizeBytes ?? at
      if (at < limit) {
        const { digest } = this.#options
        throw new UpstreamError('unreachable', `upstream ended ${digest} at byte ${at}`)
      }
      // A body that ended in good order without a length has told its length by that.
      this.#sizeBytes ??= at
    } finally {
      opened.abort()
      this.#opened = undefined
    }
  }

  async #open(position: number, end: number | undefined): Promise<OpenedBlob> {
    const { signal } = this.#left
    signal.throwIfAborted()
    const isWhole = position === 0 && (end === undefined || end === this.#sizeBytes)
    // Where the end is known it is named: some registries answer 416 to an open range.
    const range = { start: position, ...(end === undefined ? {} : { end: end - 1 }) }
    const opened = await this.#options.open(isWhole ? undefined : range)
    if (!opened) {
      const { digest } = this.#options
      throw new UpstreamError('not-visible', `upstream no longer has ${digest}`)
    }
    this.#opened = opened
    if (signal.aborted) opened.abort()
    signal.throwIfAborted()
    this.#heard(opened)
    return opened
  }

  /** Throws IntegrityError where it is of another size than what was told before. */
  #heard(opened: OpenedBlob): void {
    this.#distrusts.push(opened.distrust)
    this.#isAnonymous &&= opened.isAnonymous
    const told = opened.totalBytes
    if (told !== undefined && this.#sizeBytes !== undefined && told !== this.#sizeBytes) {
      opened.abort()
      throw this.#wrongSize(told)
    }
    this.#sizeBytes ??= told
  }

  #wrongSize(found: number): IntegrityError {
    const { digest } = this.#options
    return new IntegrityError(
      'size',
      `upstream has at least ${found} bytes for ${digest}, ${this.#sizeBytes} were expected`,
    )
  }
}

/** The last bytes of a stream, kept back. */
class Tail {
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  /** What more has come behind than is kept back. */
  add(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    const freed: Uint8Array[] = []
    for (;;) {
      const [first] = this.#chunks
      if (!first || this.#bytes - first.byteLength < WITHHELD_BYTES) return freed
      this.#chunks.shift()
      this.#bytes -= first.byteLength
      if (first.byteLength > 0) freed.push(first)
    }
  }

  rest(): Uint8Array[] {
    return this.#chunks.splice(0)
  }
}
