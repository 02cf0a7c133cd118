// The bytes of one download that are not there yet, asked of upstream gap by gap until all are.

import { setTimeout as delay } from 'node:timers/promises'
import { IntegrityError, UpstreamError } from '../errors.ts'
import type { Extent } from '../lib/extents.ts'
import type { Digest } from '../oci/digest.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import type { Demand } from './demand.ts'
import { EarlyRequests, mayFetchEarly } from './early-request.ts'
import type { FillFile } from './fill-file.ts'
import type { FillContent } from './fill-reader.ts'
import { GapWriter } from './gap-writer.ts'
import type { Gap } from './progress.ts'
import { RESUME_PROGRESS_BYTES, resumeDelayMs, worthResuming } from './resume.ts'
import type { Sources } from './sources.ts'

/** A body that was left unread for so long may have been taken for dead: that it broke is no failure. */
const STOOD_BACK_EXCUSES_MS = 1_000

/** Where upstream tells no size: how long to wait for the end before answering without one. */
const UNKNOWN_SIZE_WAIT_MS = 20_000

export interface GapFillingParts {
  readonly digest: Digest
  readonly content: FillContent
  readonly file: FillFile
  readonly demand: Demand
  readonly sources: Sources
  /** Aborted: nothing more is asked. */
  readonly signal: AbortSignal
  /** Readers can be answered. */
  readonly answer: () => void
}

export class GapFilling {
  readonly #parts: GapFillingParts
  readonly #content: FillContent
  readonly #early = new EarlyRequests()
  /** What an earlier attempt left is no part of this one: it goes when upstream has given something. */
  #isStale = false
  #isResumed = false
  #isOpened = false
  #isGone = false
  #fetchedBytes = 0
  #upstream: OpenedBlob | undefined
  #patienceTimer: NodeJS.Timeout | undefined

  constructor(parts: GapFillingParts) {
    this.#parts = parts
    this.#content = parts.content
  }

  /** Whether an earlier attempt's bytes are part of it. */
  get isResumed(): boolean {
    return this.#isResumed
  }

  /** Upstream has given some of it. */
  get isOpened(): boolean {
    return this.#isOpened
  }

  /** Upstream had it when readers were answered, and has it no longer. */
  get isGone(): boolean {
    return this.#isGone
  }

  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  /** What an earlier attempt left is served at once, while it is hashed again alongside. */
  async takeUpStaged(mustAsk: boolean): Promise<void> {
    const content = this.#content
    const { file, answer } = this.#parts
    const { extents, totalBytes } = await file.open(content.totalBytes)
    if (extents.length === 0) return
    if (totalBytes === undefined || totalBytes !== (content.totalBytes ?? totalBytes)) {
      this.#isStale = true
      return
    }
    await file.resume(totalBytes)
    this.#isResumed = true
    content.totalBytes = totalBytes
    if (!mustAsk) answer()
  }

  /** False when upstream has no such blob. */
  async fill(): Promise<boolean> {
    const { file, demand, signal } = this.#parts
    const content = this.#content
    let attempts = 0
    for (;;) {
      await this.#early.stopAt(file.progress.frontier)
      const gap = file.progress.gap()
      const isAllThere = gap.start === content.totalBytes
      if (this.#isResumed && isAllThere && !content.isAnswerable) return await this.#askForOne()
      if (content.isAnswerable && isAllThere) return true
      const before = this.#fetchedBytes
      const { stoodBackMs } = demand
      try {
        if (!(await this.#fetchGap(gap))) return false
      } catch (error) {
        if (this.#fetchedBytes - before >= RESUME_PROGRESS_BYTES) attempts = 0
        attempts += 1
        if (demand.stoodBackMs - stoodBackMs >= STOOD_BACK_EXCUSES_MS) attempts = 1
        const begun = this.#isOpened || content.isAnswerable
        if (!begun || !worthResuming(error, attempts)) throw error
        await delay(resumeDelayMs(attempts), undefined, { signal })
      }
    }
  }

  /** A short window of which nobody has the bytes yet, ahead of the rest. Whether it is fetched so. */
  fetchEarly(wanted: Extent): boolean {
    const { totalBytes } = this.#content
    const { progress } = this.#parts.file
    if (this.#early.isAny || totalBytes === undefined) return false
    if (!mayFetchEarly(wanted, progress.frontier)) return false
    const window = { start: progress.endFrom(wanted.start), end: wanted.end }
    if (window.start >= window.end) return true
    const open = this.#parts.sources.ask
    this.#early.begin({ window, totalBytes, open, writer: (start) => this.#writer(start) })
    return true
  }

  /** Breaks off what is being read; the rest is up to the signal. */
  abort(): void {
    this.#upstream?.abort()
  }

  async stopEarly(): Promise<void> {
    await this.#early.stopAt(Infinity)
  }

  /** Nobody is answered any more. */
  end(): void {
    clearTimeout(this.#patienceTimer)
  }

  /** All of it is kept, and whether upstream has it here is not known. */
  async #askForOne(): Promise<boolean> {
    const opened = await this.#parts.sources.ask({ start: 0, end: 0 })
    opened?.abort()
    if (opened) this.#parts.answer()
    return opened !== undefined
  }

  async #fetchGap(gap: Gap): Promise<boolean> {
    const content = this.#content
    await this.#standBack(0)
    const opened = await this.#open(gap)
    if (!opened) {
      if (!content.isAnswerable) return false
      this.#isGone = true
      throw new UpstreamError('not-visible', `upstream no longer has ${this.#parts.digest}`)
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
    content.totalBytes ??= position
    this.#parts.answer()
    return true
  }

  async #open(gap: Gap): Promise<OpenedBlob | undefined> {
    const { sources, signal } = this.#parts
    signal.throwIfAborted()
    // Where the end is known it is named: some registries answer 416 to an open range.
    const end = gap.end ?? this.#content.totalBytes
    const whole = gap.start === 0 && gap.end === undefined
    const opened = await sources.ask(
      whole ? undefined : { start: gap.start, ...(end === undefined ? {} : { end: end - 1 }) },
    )
    this.#upstream = opened
    if (signal.aborted) opened?.abort()
    signal.throwIfAborted()
    return opened
  }

  async #learnSize(opened: OpenedBlob): Promise<void> {
    const content = this.#content
    const { file, answer } = this.#parts
    const told = opened.totalBytes
    if (told !== undefined && content.totalBytes !== undefined && told !== content.totalBytes) {
      const wrong = this.#wrongSize(told)
      // Before a byte of it is used: another endpoint can still do better, unseen.
      if (opened.distrust()) throw new UpstreamError('bad-response', wrong.message)
      throw wrong
    }
    content.totalBytes ??= told
    if (this.#isStale) await file.staged.beginAfresh()
    this.#isStale = false
    if (content.totalBytes !== undefined) return answer()
    this.#patienceTimer ??= setTimeout(answer, UNKNOWN_SIZE_WAIT_MS)
  }

  /** Moves one upstream body into the file; resolves to where it ended. */
  async #store(opened: OpenedBlob, start: number): Promise<number> {
    const content = this.#content
    const { file, signal, digest } = this.#parts
    const writer = this.#writer(start)
    let position = opened.start
    let stop: number | undefined
    try {
      for await (const chunk of opened.body) {
        const from = position
        const skipped = Math.max(0, start - from)
        position += chunk.byteLength
        if (content.totalBytes !== undefined && position > content.totalBytes) {
          throw this.#wrongSize(position)
        }
        await this.#early.stopAt(position)
        // What was fetched early lies ahead. It is never written again: it may have been hashed.
        stop = file.progress.nextAfter(start)
        const kept = Math.min(chunk.byteLength, (stop ?? Infinity) - from)
        await file.makeRoom(from + kept, content.totalBytes)
        if (skipped < kept) await writer.add(chunk.subarray(skipped, kept))
        if (stop !== undefined && position >= stop) break
        await this.#standBack(chunk.byteLength)
      }
    } finally {
      opened.abort()
      this.#upstream = undefined
      await writer.flushed()
    }
    signal.throwIfAborted()
    const end = stop ?? content.totalBytes
    if (end !== undefined && position < end) {
      throw new UpstreamError('unreachable', `upstream ended ${digest} at byte ${position}`)
    }
    return position
  }

  /** What no client waits for leaves the link to what one does. */
  async #standBack(bytes: number): Promise<void> {
    const turn = this.#parts.demand.standBack(bytes)
    if (!turn) return
    await turn
    this.#parts.signal.throwIfAborted()
  }

  #writer(start: number): GapWriter {
    return new GapWriter(this.#parts.file.staged, start, (from, to) => this.#arrived(from, to))
  }

  #arrived(from: number, to: number): Promise<void> | undefined {
    const { file, demand } = this.#parts
    this.#fetchedBytes += to - from
    demand.arrived(to - from)
    const noted = file.arrived(from, to, this.#content.totalBytes)
    demand.followers.wake()
    return noted
  }

  #wrongSize(found: number): IntegrityError {
    const { digest } = this.#parts
    const expected = this.#content.totalBytes
    return new IntegrityError(
      'size',
      `upstream has at least ${found} bytes for ${digest}, ${expected} were expected`,
    )
  }
}
