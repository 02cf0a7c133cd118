// One download into one staged file, any number of readers.
//
// Upstream bytes go to the staged file; readers and the hash follow the file, each at its own pace.
// The last bytes are withheld from readers until the digest of the whole holds, so that nobody can
// finish with wrong content. A reader that leaves takes only itself away. Where the store fails, readers
// have what is in the file and the rest from upstream, each for itself (pass-through.ts).

import { digestMismatch, IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import type { ByteSource } from '../lib/byte-source.ts'
import type { Extent } from '../lib/extents.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/name.ts'
import { abandonPlan } from './abandon.ts'
import { Demand } from './demand.ts'
import type { Keeper } from './demand.ts'
import { FillFile } from './fill-file.ts'
import type { FillEnd, FillOptions } from './fill-options.ts'
import { readerOf } from './fill-reader.ts'
import type { FillContent } from './fill-reader.ts'
import { GapFilling } from './gap-filling.ts'
import { PassThrough } from './pass-through.ts'
import { Sources } from './sources.ts'

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
  readonly #content: FillContent
  readonly #demand: Demand
  readonly #sources: Sources
  readonly #file: FillFile
  readonly #filling: GapFilling
  readonly #parking = new AbortController()
  #settle!: { resolve: (answerable: boolean) => void; reject: (error: Error) => void }
  #isOver = false
  #othersMayBeRight = false
  #abandonTimer: NodeJS.Timeout | undefined

  constructor(options: FillOptions) {
    const { digest, repository, expectedBytes, pace, open } = options
    this.digest = digest
    this.repository = repository
    this.#options = options
    this.#content = {
      totalBytes: expectedBytes,
      isAnswerable: false,
      isVerified: false,
      isLost: false,
    }
    this.#demand = new Demand(pace, () => this.#abandoned())
    this.#sources = new Sources(open)
    this.#file = new FillFile(options)
    this.#filling = new GapFilling({
      digest,
      content: this.#content,
      file: this.#file,
      demand: this.#demand,
      sources: this.#sources,
      segments: options.segments,
      pieceSizes: options.pieceSizes,
      signal: this.#parking.signal,
      answer: () => this.#answer(),
    })
    this.answerable = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    this.answerable.catch(() => undefined)
    this.ended = this.#run()
  }

  /** Undefined while upstream has not told it. */
  get sizeBytes(): number | undefined {
    return this.#content.totalBytes
  }

  /** Nobody may join any more; `ended` is about to resolve. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether an earlier attempt's bytes are part of it. */
  get isResumed(): boolean {
    return this.#filling.isResumed
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
    return this.#filling.fetchedBytes
  }

  /** A client waits for the first byte: it counts as one who reads until what is returned is called. */
  expect(): () => void {
    return this.#demand.expect()
  }

  /**
   * Somebody wants it stored and reads nothing. What is returned ends that: the download is then parked
   * at once, unless somebody else wants it, and is out of the way when it resolves.
   */
  keep(keeper: Keeper): () => Promise<void> {
    clearTimeout(this.#abandonTimer)
    const leave = this.#demand.keep(keeper)
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
    const isDone = this.#isOver || this.#content.isVerified
    return this.#follow(!isDone && this.#filling.fetchEarly(window))
  }

  #follow(early: boolean): ByteSource {
    clearTimeout(this.#abandonTimer)
    const passThrough = (): PassThrough => this.#passThrough()
    const followed = { content: this.#content, file: this.#file, demand: this.#demand }
    return readerOf({ ...followed, passThrough }, early)
  }

  #passThrough(): PassThrough {
    const { digest, hasher, pace, open, passed } = this.#options
    return new PassThrough({ digest, sizeBytes: this.sizeBytes, hasher, pace, open, passed })
  }

  /** Stops the download and keeps what is there, unless it is over already. */
  park(): Promise<FillEnd> {
    clearTimeout(this.#abandonTimer)
    if (this.#content.isVerified) return this.ended
    this.#isOver = true
    this.#parking.abort()
    this.#filling.abort()
    this.#demand.end()
    return this.ended
  }

  async #run(): Promise<FillEnd> {
    try {
      await this.#filling.takeUpStaged(this.#options.mustAsk ?? false)
      if (!(await this.#filling.fill())) return await this.#endMissing()
      await this.#verify()
      return await this.#publish()
    } catch (error) {
      return await this.#endFailed(error as Error)
    } finally {
      this.#filling.end()
      clearTimeout(this.#abandonTimer)
      this.#demand.end()
    }
  }

  #answer(): void {
    if (this.#content.isAnswerable || !this.#file.isOpen) return
    this.#content.isAnswerable = true
    this.#settle.resolve(true)
  }

  async #verify(): Promise<void> {
    const found = await this.#file.digest(this.sizeBytes as number)
    if (found !== this.digest) throw digestMismatch(this.digest, found)
    this.#content.isVerified = true
    this.#demand.end()
    this.#demand.followers.wake()
  }

  async #publish(): Promise<FillEnd> {
    const sizeBytes = this.sizeBytes as number
    try {
      await this.#file.publish(sizeBytes, (stamp) =>
        this.#options.published({ sizeBytes, stamp }, this.isAnonymous),
      )
      return { how: 'published' }
    } catch (error) {
      return { how: 'unstored', error: error as Error }
    } finally {
      this.#isOver = true
      void this.#file.closeWhenUnread(this.#demand.followers)
    }
  }

  async #endMissing(): Promise<FillEnd> {
    this.#isOver = true
    this.#file.dropHash()
    await this.#putAway('missing')
    await this.#file.closeWhenUnread(this.#demand.followers)
    this.#settle.resolve(false)
    return { how: 'missing' }
  }

  async #endFailed(error: Error): Promise<FillEnd> {
    this.#isOver = true
    if (error instanceof IntegrityError) this.#othersMayBeRight = this.#sources.distrust()
    const { isParked } = this
    const isLost = error instanceof StoreError && !isParked
    const told = isParked ? new UpstreamError('unreachable', 'the download was stopped') : error
    this.#settle.reject(told)
    if (isLost) this.#loseStore()
    else this.#demand.followers.fail(told)
    this.#demand.end()
    await this.#filling.stop()
    // What was still being written may have begun it.
    this.#file.dropHash()
    await this.#putAway(error)
    void this.#file.closeWhenUnread(this.#demand.followers)
    if (isParked) return { how: 'parked' }
    if (isLost) return { how: 'passed', error }
    return this.#filling.isGone ? { how: 'missing' } : { how: 'failed', error }
  }

  /** Nobody waits for the file any more, but for what upstream has. */
  #loseStore(): void {
    this.#content.isLost = true
    this.#demand.followers.wake()
  }

  async #putAway(because: Error | 'missing'): Promise<void> {
    const { isGone, isOpened } = this.#filling
    const isWrong = because instanceof IntegrityError || because instanceof StoreError
    await this.#file.putAway({
      isUseless: because === 'missing' || isWrong || isGone,
      isOthers: (this.#options.mustAsk ?? false) && !isOpened,
      totalBytes: this.sizeBytes,
    })
  }

  #abandoned(): void {
    if (this.#content.isVerified || this.#content.isLost || this.isParked) return
    const { progress } = this.#file
    const plan = abandonPlan(this.#options.abandoned, progress.bytes, this.sizeBytes)
    if (plan === 'finish') return
    this.#abandonTimer = setTimeout(() => void this.park(), plan.parkAfterMs)
    this.#abandonTimer.unref()
  }
}
