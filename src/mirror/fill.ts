// One download into one staged file, any number of readers.
//
// Upstream bytes go to the staged file; readers and the hash follow the file, each at its own pace.
// The last bytes are withheld from readers until the digest of the whole holds, so that nobody can
// finish with wrong content. A reader that leaves takes only itself away. Where the store fails, readers
// have what is in the file and the rest from upstream, each for itself (pass-through.ts).

import { setTimeout as delay } from 'node:timers/promises'
import type { Room } from '../care/room-port.ts'
import { digestMismatch, IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import type { ByteSource } from '../lib/byte-source.ts'
import { extentBytes } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/name.ts'
import type { StagedBlob } from '../store/blob-store.ts'
import type { Hasher, RunningHash } from '../store/hasher.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import { abandonPlan } from './abandon.ts'
import type { AbandonPolicy } from './abandon.ts'
import { Demand } from './demand.ts'
import { EarlyRequest, mayFetchEarly } from './early-request.ts'
import { GapWriter } from './gap-writer.ts'
import type { Pace } from './pace.ts'
import { PassThrough, WITHHELD_BYTES } from './pass-through.ts'
import type { PassEnd, Prefix } from './pass-through.ts'
import { Progress } from './progress.ts'
import type { Gap } from './progress.ts'
import { RESUME_PROGRESS_BYTES, resumeDelayMs, worthResuming } from './resume.ts'
import { Sources } from './sources.ts'
import type { Open } from './sources.ts'
import { TakenRoom } from './taken-room.ts'

/** A body that was left unread for so long may have been taken for dead: that it broke is no failure. */
const STOOD_BACK_EXCUSES_MS = 1_000

/** Where upstream tells no size: how long to wait for the end before answering without one. */
const UNKNOWN_SIZE_WAIT_MS = 20_000

export interface PublishedBlob {
  readonly sizeBytes: number
  readonly stamp: string
}

export interface FillOptions {
  readonly digest: Digest
  /** Whose upstream is asked. */
  readonly repository: Repository
  /** The size a descriptor of the repository names, where one does. */
  readonly expectedBytes: number | undefined
  /** What is kept may be of another repository: nobody is answered before upstream has given some here. */
  readonly mustAsk?: boolean
  readonly abandoned: AbandonPolicy
  readonly hasher: Hasher
  readonly room: Room
  readonly pace: Pace
  stage(): Promise<StagedBlob>
  /** What lies in staging, asked where that cannot be opened. */
  stagedBytes(): Promise<number>
  open: Open
  /**
   * Called once the content is published; readers do not wait for it. With `Fill.isAnonymous`. Where
   * it rejects, the content is not there any more.
   */
  published(blob: PublishedBlob, isAnonymous: boolean | undefined): Promise<void>
  /** What became of a reader that went on without the store. */
  passed(end: PassEnd): void
}

/**
 * How a fill ended. `unstored`: every reader could finish, but the store could not keep the content;
 * `passed`: it cannot even take it, so that readers have the rest from upstream. `parked`: nobody wanted
 * it any more; a later fill goes on from there.
 */
export type FillEnd =
  | { readonly how: 'published' | 'missing' | 'parked' }
  | { readonly how: 'passed'; readonly error: StoreError }
  | { readonly how: 'unstored' | 'failed'; readonly error: Error }

export class Fill {
  readonly digest: Digest
  readonly repository: Repository
  /**
   * Resolves true when readers can be answered, false when upstream has no such blob; else rejects, with
   * StoreError where it may be passed through.
   */
  readonly answerable: Promise<boolean>
  readonly ended: Promise<FillEnd>

  readonly #options: FillOptions
  readonly #demand: Demand
  readonly #sources: Sources
  #settle!: { resolve: (answerable: boolean) => void; reject: (error: Error) => void }
  #isAnswerable = false
  #isOpened = false
  #isOver = false
  #isResumed = false
  #isGone = false

  #room: TakenRoom | undefined
  #staged: StagedBlob | undefined
  /** The store has failed: what is not in the file by now never will be. */
  #isLost = false
  /** What an earlier attempt left is no part of this one: it goes when upstream has given something. */
  #isStale = false
  #progress: Progress | undefined
  #hash: RunningHash | undefined
  #totalBytes: number | undefined
  #isVerified = false
  #upstream: OpenedBlob | undefined
  #othersMayBeRight = false
  #fetchedBytes = 0
  #early: EarlyRequest | undefined
  readonly #parking = new AbortController()
  #abandonTimer: NodeJS.Timeout | undefined
  #patienceTimer: NodeJS.Timeout | undefined

  constructor(options: FillOptions) {
    this.digest = options.digest
    this.repository = options.repository
    this.#options = options
    this.#demand = new Demand(options.pace, () => this.#abandoned())
    this.#sources = new Sources(options.open)
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

  /** The content was wrong, and upstream has an endpoint that was not asked for it yet. */
  get othersMayBeRight(): boolean {
    return this.#othersMayBeRight
  }

  /** Whether all bytes came without a login; undefined before upstream has given any. */
  get isAnonymous(): boolean | undefined {
    return this.#sources.isAnonymous
  }

  /** Stopped, as opposed to failed: a new fill may go on from there. */
  get isParked(): boolean {
    return this.#parking.signal.aborted
  }

  /** Bytes that came from upstream, as opposed to those kept from an earlier attempt. */
  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  /** A client waits for the first byte: it counts as one who reads until what is returned is called. */
  expect(): () => void {
    return this.#demand.expect()
  }

  /**
   * Somebody wants it stored and reads nothing. What is returned ends that: the download is then parked
   * at once, unless somebody else wants it, and is out of the way when it resolves.
   */
  keep(arrived: (bytes: number) => void): () => Promise<void> {
    clearTimeout(this.#abandonTimer)
    const leave = this.#demand.keep(arrived)
    return async () => {
      leave()
      if (!this.#isOver && this.#demand.isNone) await this.park()
    }
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
    const isEarly = this.#mayFetchEarly(window)
    if (isEarly) this.#fetchEarly(window)
    return this.#follow(isEarly)
  }

  #follow(early: boolean): ByteSource {
    clearTimeout(this.#abandonTimer)
    const sizeBytes = (): number | undefined => this.#totalBytes
    let passing: PassThrough | undefined
    const source: ByteSource = {
      fd: this.#requireStaged().fd,
      get sizeBytes() {
        return sizeBytes()
      },
      available: (position) => Math.max(0, this.#readableEnd(position, early) - position),
      arrived: (position) =>
        this.#demand.followers.waitUntil(
          () =>
            this.#isLost ||
            this.#readableEnd(position, early) > position ||
            (this.#isVerified && position >= (this.#totalBytes as number)),
        ),
      elsewhere: (position, end, unreadable) => {
        if (!this.#isLost && !unreadable) return undefined
        passing ??= this.#passThrough()
        return passing.bytes(position, end, unreadable ? 'lost' : this.#prefixOf(position))
      },
      release: () => {
        passing?.close()
        this.#demand.leave(source)
      },
    }
    this.#demand.join(source)
    return source
  }

  #passThrough(): PassThrough {
    const { digest, hasher, pace, open, passed } = this.#options
    return new PassThrough({ digest, sizeBytes: this.#totalBytes, hasher, pace, open, passed })
  }

  #prefixOf(position: number): Prefix {
    return position <= this.#requireProgress().frontier ? this.#requireStaged().fd : 'unread'
  }

  /** Stops the download and keeps what is there, unless it is over already. */
  park(): Promise<FillEnd> {
    clearTimeout(this.#abandonTimer)
    if (this.#isVerified) return this.ended
    this.#isOver = true
    this.#parking.abort()
    this.#upstream?.abort()
    this.#demand.end()
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
      this.#demand.end()
    }
  }

  /** What an earlier attempt left is served at once, while it is hashed again alongside. */
  async #takeUpStaged(): Promise<void> {
    const room = await TakenRoom.take(this.#options.room, this.digest, this.#totalBytes)
    this.#room = room
    const staged = await this.#options.stage()
    const progress = new Progress(staged)
    this.#staged = staged
    this.#progress = progress
    this.#hash = this.#options.hasher.begin(digestAlgorithm(this.digest), staged.path)
    if (staged.extents.length === 0) return
    const { totalBytes } = staged
    if (totalBytes === undefined || totalBytes !== (this.#totalBytes ?? totalBytes)) {
      this.#isStale = true
      return
    }
    await room.cover(totalBytes)
    this.#isResumed = true
    this.#totalBytes = totalBytes
    progress.resume()
    this.#hash.advance(progress.frontier)
    if (!this.#options.mustAsk) this.#answer()
  }

  /** False when upstream has no such blob. */
  async #fillGaps(): Promise<boolean> {
    const progress = this.#requireProgress()
    let attempts = 0
    for (;;) {
      await this.#stopEarlyAt(progress.frontier)
      const gap = progress.gap()
      if (this.#isResumed && gap.start === this.#totalBytes && !this.#isAnswerable) {
        return await this.#askForOne()
      }
      if (this.#isAnswerable && gap.start === this.#totalBytes) return true
      const before = this.#fetchedBytes
      const { stoodBackMs } = this.#demand
      try {
        if (!(await this.#fetchGap(gap))) return false
      } catch (error) {
        if (this.#fetchedBytes - before >= RESUME_PROGRESS_BYTES) attempts = 0
        attempts += 1
        if (this.#demand.stoodBackMs - stoodBackMs >= STOOD_BACK_EXCUSES_MS) attempts = 1
        const begun = this.#isOpened || this.#isAnswerable
        if (!begun || !worthResuming(error, attempts)) throw error
        await delay(resumeDelayMs(attempts), undefined, { signal: this.#parking.signal })
      }
    }
  }

  /** All of it is kept, and whether upstream has it here is not known. */
  async #askForOne(): Promise<boolean> {
    const opened = await this.#sources.ask({ start: 0, end: 0 })
    opened?.abort()
    if (opened) this.#answer()
    return opened !== undefined
  }

  async #fetchGap(gap: Gap): Promise<boolean> {
    await this.#standBack(0)
    const opened = await this.#open(gap)
    if (!opened) {
      if (!this.#isAnswerable) return false
      this.#isGone = true
      throw new UpstreamError('not-visible', `upstream no longer has ${this.digest}`)
    }
    this.#isOpened = true
    try {
      await this.#learnSize(opened)
    } catch (error) {
      opened.abort()
      throw error
    }
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
    const opened = await this.#sources.ask(
      whole ? undefined : { start: gap.start, ...(end === undefined ? {} : { end: end - 1 }) },
    )
    this.#upstream = opened
    if (this.#parking.signal.aborted) opened?.abort()
    this.#parking.signal.throwIfAborted()
    return opened
  }

  async #learnSize(opened: OpenedBlob): Promise<void> {
    const told = opened.totalBytes
    if (told !== undefined && this.#totalBytes !== undefined && told !== this.#totalBytes) {
      const wrong = this.#wrongSize(told)
      // Before a byte of it is used: another endpoint can still do better, unseen.
      if (opened.distrust()) throw new UpstreamError('bad-response', wrong.message)
      throw wrong
    }
    this.#totalBytes ??= told
    if (this.#isStale) await this.#requireStaged().beginAfresh()
    this.#isStale = false
    if (this.#totalBytes !== undefined) return this.#answer()
    this.#patienceTimer ??= setTimeout(() => this.#answer(), UNKNOWN_SIZE_WAIT_MS)
  }

  /** Moves one upstream body into the file; resolves to where it ended. */
  async #store(opened: OpenedBlob, start: number): Promise<number> {
    const progress = this.#requireProgress()
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
        stop = progress.nextAfter(start)
        const kept = Math.min(chunk.byteLength, (stop ?? Infinity) - from)
        await this.#room?.reach(from + kept, this.#totalBytes)
        if (skipped < kept) await writer.add(chunk.subarray(skipped, kept))
        if (stop !== undefined && position >= stop) break
        await this.#standBack(chunk.byteLength)
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

  /** What no client waits for leaves the link to what one does. */
  async #standBack(bytes: number): Promise<void> {
    const turn = this.#demand.standBack(bytes)
    if (!turn) return
    await turn
    this.#parking.signal.throwIfAborted()
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

  #arrived(from: number, to: number): Promise<void> | undefined {
    const progress = this.#requireProgress()
    this.#fetchedBytes += to - from
    this.#demand.arrived(to - from)
    const before = progress.frontier
    const noted = progress.add(from, to, this.#totalBytes)
    if (progress.frontier > before) this.#hash?.advance(progress.frontier)
    this.#demand.followers.wake()
    return noted
  }

  async #verify(): Promise<void> {
    const hash = this.#hash as RunningHash
    this.#hash = undefined
    const found = await hash.finish(this.#totalBytes as number)
    if (found !== this.digest) throw digestMismatch(this.digest, found)
    this.#isVerified = true
    this.#demand.end()
    this.#demand.followers.wake()
  }

  async #publish(): Promise<FillEnd> {
    const staged = this.#requireStaged()
    const totalBytes = this.#totalBytes as number
    try {
      const unsynced = await this.#requireProgress().settled()
      if (unsynced) throw unsynced
      const stamp = await staged.publish(totalBytes)
      await this.#options.published({ sizeBytes: totalBytes, stamp }, this.#sources.isAnonymous)
      // From here on its row counts it.
      this.#settleRoom('published', totalBytes)
      return { how: 'published' }
    } catch (error) {
      await staged.discard().catch(() => undefined)
      return { how: 'unstored', error: error as Error }
    } finally {
      this.#isOver = true
      void this.#closeWhenUnread(staged)
    }
  }

  async #endMissing(): Promise<FillEnd> {
    this.#isOver = true
    this.#hash?.drop()
    const staged = this.#staged
    if (staged) {
      await this.#putAway(staged, 'missing').catch(() => undefined)
      await this.#closeWhenUnread(staged)
    }
    this.#settle.resolve(false)
    return { how: 'missing' }
  }

  async #endFailed(error: Error): Promise<FillEnd> {
    this.#isOver = true
    this.#hash?.drop()
    if (error instanceof IntegrityError) this.#othersMayBeRight = this.#sources.distrust()
    const isParked = this.#parking.signal.aborted
    const isLost = error instanceof StoreError && !isParked
    const told = isParked ? new UpstreamError('unreachable', 'the download was stopped') : error
    this.#settle.reject(told)
    if (isLost) this.#loseStore()
    else this.#demand.followers.fail(told)
    await this.#stopEarlyAt(Infinity)
    await this.#progress?.settled()
    const staged = this.#staged
    if (staged) {
      await this.#putAway(staged, error).catch(() => undefined)
      void this.#closeWhenUnread(staged)
    } else await this.#leaveUntouched()
    if (isParked) return { how: 'parked' }
    if (isLost) return { how: 'passed', error }
    return this.#isGone ? { how: 'missing' } : { how: 'failed', error }
  }

  /** Nobody waits for the file any more, but for what upstream has. */
  #loseStore(): void {
    this.#isLost = true
    this.#demand.followers.wake()
  }

  /** What could not even be opened. */
  async #leaveUntouched(): Promise<void> {
    const bytes = await this.#options.stagedBytes().catch(() => 0)
    this.#settleRoom(bytes > 0 ? 'parked' : 'nothing', bytes)
  }

  /** Wrong content is thrown away; what merely broke off is kept for the next attempt. */
  async #putAway(staged: StagedBlob, because: Error | 'missing'): Promise<void> {
    const progress = this.#requireProgress()
    const isOthers = this.#isOthers(staged)
    const isWrong = because instanceof IntegrityError || because instanceof StoreError
    const isUseless = because === 'missing' || isWrong || this.#isGone || progress.bytes === 0
    if (isUseless && !isOthers) return await staged.discard()
    if (!isOthers) progress.note(this.#totalBytes)
    this.#settleRoom('parked', isOthers ? extentBytes(staged.extents) : progress.bytes)
    await staged.park()
  }

  /** What another repository's download left is still good for that one. */
  #isOthers(staged: StagedBlob): boolean {
    return (this.#options.mustAsk ?? false) && !this.#isOpened && staged.extents.length > 0
  }

  /** What was removed takes its room until nobody has it open. */
  async #closeWhenUnread(staged: StagedBlob): Promise<void> {
    await this.#demand.followers.unread()
    await staged.close().catch(() => undefined)
    this.#settleRoom('nothing', 0)
  }

  /** The first word counts. */
  #settleRoom(left: 'published' | 'parked' | 'nothing', bytes: number): void {
    this.#room?.settle(left, bytes)
    this.#room = undefined
  }

  #answer(): void {
    if (this.#isAnswerable || !this.#staged) return
    this.#isAnswerable = true
    this.#settle.resolve(true)
  }

  #readableEnd(position: number, early: boolean): number {
    if (this.#isVerified) return this.#totalBytes as number
    const progress = this.#requireProgress()
    const end = progress.endFrom(position)
    if (early) return end
    return Math.min(end, (this.#totalBytes ?? progress.frontier) - WITHHELD_BYTES)
  }

  #mayFetchEarly(window: Extent): boolean {
    if (this.#isOver || this.#isVerified || this.#early || this.#totalBytes === undefined)
      return false
    return mayFetchEarly(window, this.#requireProgress().frontier)
  }

  #fetchEarly(wanted: Extent): void {
    const window = { start: this.#requireProgress().endFrom(wanted.start), end: wanted.end }
    if (window.start >= window.end) return
    const early = new EarlyRequest({
      window,
      totalBytes: this.#totalBytes as number,
      open: this.#sources.ask,
      writer: (start) => this.#writer(start),
    })
    this.#early = early
    void early.ended.then(() => {
      if (this.#early === early) this.#early = undefined
    })
  }

  /** Only one of the two may write where the main request and an early one meet. */
  async #stopEarlyAt(position: number): Promise<void> {
    const early = this.#early
    if (!early || position < early.window.start) return
    await early.stop()
    if (this.#early === early) this.#early = undefined
  }

  #abandoned(): void {
    if (this.#isVerified || this.#isLost || this.#parking.signal.aborted) return
    const plan = abandonPlan(
      this.#options.abandoned,
      this.#requireProgress().bytes,
      this.#totalBytes,
    )
    if (plan === 'finish') return
    this.#abandonTimer = setTimeout(() => void this.park(), plan.parkAfterMs)
    this.#abandonTimer.unref()
  }

  #requireProgress(): Progress {
    if (!this.#progress) throw new Error('a fill was used before it was staged')
    return this.#progress
  }

  #requireStaged(): StagedBlob {
    if (!this.#staged) throw new Error('a fill was read before it was answerable')
    return this.#staged
  }
}
