// One download into one staged file, any number of readers.
//
// Upstream bytes go to the staged file; readers and the hash follow the file, each at its own pace.
// The last bytes are withheld from readers until the digest of the whole holds, so that nobody can
// finish with wrong content. A reader that leaves takes only itself away.

import { setTimeout as delay } from 'node:timers/promises'
import { digestMismatch, IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import type { ByteSource } from '../lib/byte-source.ts'
import { addExtent, extentBytes, extentEnd, gapAfter } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/name.ts'
import type { StagedBlob } from '../store/blob-store.ts'
import type { Hasher, RunningHash } from '../store/hasher.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import { abandonPlan } from './abandon.ts'
import type { AbandonPolicy } from './abandon.ts'
import { Followers } from './followers.ts'
import { GapWriter } from './gap-writer.ts'
import { RESUME_PROGRESS_BYTES, resumeDelayMs, worthResuming } from './resume.ts'

/** Kept back from readers until the digest holds. */
const WITHHELD_BYTES = 64 * 1024
/** How often the note of what is there is renewed: what a killed process fetches again at most. */
const NOTE_EVERY_BYTES = 512 * 1024
/** How often the file is synced: what a power loss costs at most. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024
/** Where upstream tells no size: how long to wait for the end before answering without one. */
const UNKNOWN_SIZE_WAIT_MS = 20_000
/** A range this short and this far past the frontier may have an upstream request of its own. */
const EARLY_BYTES_MAX = 4 * 1024 * 1024
const EARLY_DISTANCE_BYTES = 16 * 1024 * 1024

export interface FillOptions {
  readonly digest: Digest
  /** Whose upstream is asked. */
  readonly repository: Repository
  /** The size a descriptor of the repository names, where one does. */
  readonly expectedBytes: number | undefined
  readonly abandoned: AbandonPolicy
  readonly hasher: Hasher
  stage(): Promise<StagedBlob>
  open(range?: { start: number; end?: number }): Promise<OpenedBlob | undefined>
  /** Called once the content is published; readers do not wait for it. */
  published(sizeBytes: number): Promise<void>
}

/**
 * How a fill ended. `unstored`: every reader could finish, but the store could not keep the content.
 * `parked`: nobody wanted it any more; a later fill goes on from there.
 */
export type FillEnd =
  | { readonly how: 'published' | 'missing' | 'parked' }
  | { readonly how: 'unstored' | 'failed'; readonly error: Error }

/** A short request for a window ahead of the frontier. */
interface EarlyRequest {
  readonly window: Extent
  isStopped: boolean
  opened: OpenedBlob | undefined
  writer: GapWriter | undefined
}

/** Where one upstream request is to write: from `start` to `end`, or to wherever the content ends. */
interface Gap {
  readonly start: number
  readonly end: number | undefined
}

export class Fill {
  readonly digest: Digest
  readonly repository: Repository
  /** Resolves true when readers can be answered, false when upstream has no such blob; else rejects. */
  readonly answerable: Promise<boolean>
  readonly ended: Promise<FillEnd>

  readonly #options: FillOptions
  readonly #followers = new Followers(() => this.#abandoned())
  #settle!: { resolve: (answerable: boolean) => void; reject: (error: Error) => void }
  #isAnswerable = false
  #isOpened = false
  #isOver = false
  #isResumed = false
  #isGone = false

  #staged: StagedBlob | undefined
  #hash: RunningHash | undefined
  #extents: readonly Extent[] = []
  #totalBytes: number | undefined
  #isVerified = false
  #upstream: OpenedBlob | undefined
  #fetchedBytes = 0
  #notedBytes = 0
  #syncedBytes = 0
  #syncing: Promise<void> | undefined
  #early: EarlyRequest | undefined
  readonly #parking = new AbortController()
  #abandonTimer: NodeJS.Timeout | undefined
  #patienceTimer: NodeJS.Timeout | undefined

  constructor(options: FillOptions) {
    this.digest = options.digest
    this.repository = options.repository
    this.#options = options
    this.#totalBytes = options.expectedBytes
    this.answerable = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    this.answerable.catch(() => undefined)
    this.ended = this.#run()
  }

  /** Undefined while upstream has not told it. */
  get sizeBytes(): number | undefined {
    return this.#totalBytes
  }

  /** Nobody may join any more; `ended` is about to resolve. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether an earlier attempt's bytes are part of it. */
  get isResumed(): boolean {
    return this.#isResumed
  }

  /** Stopped, as opposed to failed: a new fill may go on from there. */
  get isParked(): boolean {
    return this.#parking.signal.aborted
  }

  /** Bytes that came from upstream, as opposed to those kept from an earlier attempt. */
  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  /** A reader of the whole or of a part. To be released; valid once `answerable` is true. */
  follow(): ByteSource {
    return this.#follow(false)
  }

  /**
   * A reader of one short window only, which may be fetched ahead of the rest and is not withheld:
   * partial pulls read a blob's end first, and check what they read by themselves.
   */
  followWindow(window: Extent): ByteSource {
    const early = this.#mayFetchEarly(window)
    if (early) void this.#fetchEarly(window)
    return this.#follow(early)
  }

  #follow(early: boolean): ByteSource {
    clearTimeout(this.#abandonTimer)
    const sizeBytes = (): number | undefined => this.#totalBytes
    const source: ByteSource = {
      fd: this.#requireStaged().fd,
      get sizeBytes() {
        return sizeBytes()
      },
      available: (position) => Math.max(0, this.#readableEnd(position, early) - position),
      arrived: (position) =>
        this.#followers.waitUntil(
          () =>
            this.#readableEnd(position, early) > position ||
            (this.#isVerified && position >= (this.#totalBytes as number)),
        ),
      release: () => this.#followers.leave(source),
    }
    this.#followers.join(source)
    return source
  }

  /** Stops the download and keeps what is there, unless it is over already. */
  park(): Promise<FillEnd> {
    clearTimeout(this.#abandonTimer)
    if (this.#isVerified) return this.ended
    this.#isOver = true
    this.#parking.abort()
    this.#upstream?.abort()
    return this.ended
  }

  async #run(): Promise<FillEnd> {
    try {
      await this.#takeUpStaged()
      if (!(await this.#fillGaps())) return await this.#endMissing()
      await this.#verify()
      return await this.#publish()
    } catch (error) {
      return await this.#endFailed(error as Error)
    } finally {
      clearTimeout(this.#patienceTimer)
      clearTimeout(this.#abandonTimer)
    }
  }

  /** What an earlier attempt left is served at once, while it is hashed again alongside. */
  async #takeUpStaged(): Promise<void> {
    const staged = await this.#options.stage()
    this.#staged = staged
    this.#hash = this.#options.hasher.begin(digestAlgorithm(this.digest), staged.path)
    if (staged.totalBytes === undefined || staged.extents.length === 0) return
    if (this.#totalBytes !== undefined && this.#totalBytes !== staged.totalBytes) return
    this.#isResumed = true
    this.#totalBytes = staged.totalBytes
    this.#extents = staged.extents
    this.#notedBytes = this.#syncedBytes = extentBytes(staged.extents)
    this.#hash.advance(this.#frontier())
    this.#answer()
  }

  /** False when upstream has no such blob. */
  async #fillGaps(): Promise<boolean> {
    let attempts = 0
    for (;;) {
      let gap = gapAfter(this.#extents, 0)
      if (await this.#stopEarlyAt(gap.start)) gap = gapAfter(this.#extents, 0)
      if (this.#isAnswerable && gap.start === this.#totalBytes) return true
      const before = this.#fetchedBytes
      try {
        if (!(await this.#fetchGap(gap))) return false
      } catch (error) {
        if (this.#fetchedBytes - before >= RESUME_PROGRESS_BYTES) attempts = 0
        attempts += 1
        const begun = this.#isOpened || this.#isAnswerable
        if (!begun || !worthResuming(error, attempts)) throw error
        await delay(resumeDelayMs(attempts), undefined, { signal: this.#parking.signal })
      }
    }
  }

  async #fetchGap(gap: Gap): Promise<boolean> {
    const opened = await this.#open(gap)
    if (!opened) {
      if (!this.#isAnswerable) return false
      this.#isGone = true
      throw new UpstreamError('not-visible', `upstream no longer has ${this.digest}`)
    }
    this.#isOpened = true
    this.#learnSize(opened)
    const position = await this.#store(opened, gap.start)
    // A body that ended in good order without a length has told its length by that.
    this.#totalBytes ??= position
    this.#answer()
    return true
  }

  async #open(gap: Gap): Promise<OpenedBlob | undefined> {
    this.#parking.signal.throwIfAborted()
    // Where the end is known it is named: some registries answer 416 to an open range.
    const end = gap.end ?? this.#totalBytes
    const whole = gap.start === 0 && gap.end === undefined
    const opened = await this.#options.open(
      whole ? undefined : { start: gap.start, ...(end === undefined ? {} : { end: end - 1 }) },
    )
    this.#upstream = opened
    if (this.#parking.signal.aborted) opened?.abort()
    this.#parking.signal.throwIfAborted()
    return opened
  }

  #learnSize(opened: OpenedBlob): void {
    const told = opened.totalBytes
    if (told !== undefined && this.#totalBytes !== undefined && told !== this.#totalBytes) {
      opened.abort()
      throw this.#wrongSize(told)
    }
    this.#totalBytes ??= told
    if (this.#totalBytes !== undefined) return this.#answer()
    this.#patienceTimer ??= setTimeout(() => this.#answer(), UNKNOWN_SIZE_WAIT_MS)
  }

  /** Moves one upstream body into the file; resolves to where it ended. */
  async #store(opened: OpenedBlob, start: number): Promise<number> {
    const writer = this.#writer(start)
    let position = opened.start
    let stop: number | undefined
    try {
      for await (const chunk of opened.body) {
        const from = position
        const skipped = Math.max(0, start - from)
        position += chunk.byteLength
        if (this.#totalBytes !== undefined && position > this.#totalBytes) {
          throw this.#wrongSize(position)
        }
        await this.#stopEarlyAt(position)
        // What was fetched early lies ahead. It is never written again: it may have been hashed.
        stop = this.#extents.find((extent) => extent.start > start)?.start
        const kept = Math.min(chunk.byteLength, (stop ?? Infinity) - from)
        if (skipped < kept) await writer.add(chunk.subarray(skipped, kept))
        if (stop !== undefined && position >= stop) break
      }
    } finally {
      opened.abort()
      this.#upstream = undefined
      await writer.flushed()
    }
    this.#parking.signal.throwIfAborted()
    const end = stop ?? this.#totalBytes
    if (end !== undefined && position < end) {
      throw new UpstreamError('unreachable', `upstream ended ${this.digest} at byte ${position}`)
    }
    return position
  }

  #writer(start: number): GapWriter {
    return new GapWriter(this.#requireStaged(), start, (from, to) => this.#arrived(from, to))
  }

  #wrongSize(found: number): IntegrityError {
    const { digest } = this
    const expected = this.#totalBytes
    return new IntegrityError(
      'size',
      `upstream has at least ${found} bytes for ${digest}, ${expected} were expected`,
    )
  }

  #arrived(from: number, to: number): void {
    this.#fetchedBytes += to - from
    const before = this.#frontier()
    this.#extents = addExtent(this.#extents, { start: from, end: to })
    const frontier = this.#frontier()
    if (frontier > before) this.#hash?.advance(frontier)
    this.#followers.wake()
    this.#keepNote()
  }

  #keepNote(): void {
    const there = extentBytes(this.#extents)
    const sync = there - this.#syncedBytes >= SYNC_EVERY_BYTES && !this.#syncing
    if (there - this.#notedBytes >= NOTE_EVERY_BYTES || sync) {
      this.#notedBytes = there
      this.#staged?.note(this.#extents, this.#totalBytes)
    }
    if (!sync) return
    this.#syncedBytes = there
    // A sync that fails here fails again at publishing, where it is told.
    this.#syncing = this.#requireStaged()
      .sync()
      .catch(() => undefined)
      .finally(() => (this.#syncing = undefined))
  }

  async #verify(): Promise<void> {
    const hash = this.#hash as RunningHash
    this.#hash = undefined
    const found = await hash.finish(this.#totalBytes as number)
    if (found !== this.digest) throw digestMismatch(this.digest, found)
    this.#isVerified = true
    this.#followers.wake()
  }

  async #publish(): Promise<FillEnd> {
    const staged = this.#requireStaged()
    const totalBytes = this.#totalBytes as number
    try {
      await this.#syncing
      await staged.publish(totalBytes)
      await this.#options.published(totalBytes)
      return { how: 'published' }
    } catch (error) {
      return { how: 'unstored', error: error as Error }
    } finally {
      this.#isOver = true
      void this.#closeWhenUnread(staged)
    }
  }

  async #endMissing(): Promise<FillEnd> {
    this.#isOver = true
    this.#hash?.drop()
    await this.#staged?.discard()
    await this.#staged?.close()
    this.#settle.resolve(false)
    return { how: 'missing' }
  }

  async #endFailed(error: Error): Promise<FillEnd> {
    this.#isOver = true
    this.#hash?.drop()
    const isParked = this.#parking.signal.aborted
    const told = isParked ? new UpstreamError('unreachable', 'the download was stopped') : error
    this.#settle.reject(told)
    this.#followers.fail(told)
    await this.#stopEarlyAt(Infinity)
    await this.#syncing
    const staged = this.#staged
    if (staged) {
      await this.#putAway(staged, error).catch(() => undefined)
      void this.#closeWhenUnread(staged)
    }
    if (isParked) return { how: 'parked' }
    return this.#isGone ? { how: 'missing' } : { how: 'failed', error }
  }

  /** Wrong content is thrown away; what merely broke off is kept for the next attempt. */
  async #putAway(staged: StagedBlob, error: Error): Promise<void> {
    const isUseless = error instanceof IntegrityError || extentBytes(this.#extents) === 0
    if (isUseless || this.#isGone || error instanceof StoreError) return await staged.discard()
    staged.note(this.#extents, this.#totalBytes)
    await staged.park()
  }

  async #closeWhenUnread(staged: StagedBlob): Promise<void> {
    await this.#followers.unread()
    await staged.close().catch(() => undefined)
  }

  #answer(): void {
    if (this.#isAnswerable || !this.#staged) return
    this.#isAnswerable = true
    this.#settle.resolve(true)
  }

  #frontier(): number {
    return extentEnd(this.#extents, 0)
  }

  #readableEnd(position: number, early: boolean): number {
    if (this.#isVerified) return this.#totalBytes as number
    const end = extentEnd(this.#extents, position)
    if (early) return end
    return Math.min(end, (this.#totalBytes ?? this.#frontier()) - WITHHELD_BYTES)
  }

  #mayFetchEarly(window: Extent): boolean {
    if (this.#isOver || this.#isVerified || this.#early) return false
    if (this.#totalBytes === undefined) return false
    return (
      window.end - window.start <= EARLY_BYTES_MAX &&
      window.start > this.#frontier() + EARLY_DISTANCE_BYTES
    )
  }

  /** What does not come this way comes with the rest, so an error here is nobody's. */
  async #fetchEarly(window: Extent): Promise<void> {
    const start = extentEnd(this.#extents, window.start)
    if (start >= window.end) return
    const early: EarlyRequest = { window, isStopped: false, opened: undefined, writer: undefined }
    this.#early = early
    try {
      const opened = await this.#options.open({ start, end: window.end - 1 })
      if (!opened) return
      early.opened = opened
      const isSame = (opened.totalBytes ?? this.#totalBytes) === this.#totalBytes
      if (opened.start !== start || !isSame || early.isStopped) return
      early.writer = this.#writer(start)
      for await (const chunk of opened.body) {
        if (early.isStopped) break
        await early.writer.add(chunk)
      }
    } catch {
      return
    } finally {
      early.opened?.abort()
      await early.writer?.flushed().catch(() => undefined)
      if (this.#early === early) this.#early = undefined
    }
  }

  /**
   * The main request has come as far as an early one: from here on only one of them may write, or
   * bytes could change after they were hashed. True when there was one to stop.
   */
  async #stopEarlyAt(position: number): Promise<boolean> {
    const early = this.#early
    if (!early || position < early.window.start) return false
    this.#early = undefined
    early.isStopped = true
    early.opened?.abort()
    await early.writer?.flushed().catch(() => undefined)
    return true
  }

  #abandoned(): void {
    if (this.#isVerified || this.#parking.signal.aborted) return
    const plan = abandonPlan(this.#options.abandoned, extentBytes(this.#extents), this.#totalBytes)
    if (plan === 'finish') return
    this.#abandonTimer = setTimeout(() => void this.park(), plan.parkAfterMs)
    this.#abandonTimer.unref()
  }

  #requireStaged(): StagedBlob {
    if (!this.#staged) throw new Error('a fill was read before it was answerable')
    return this.#staged
  }
}
