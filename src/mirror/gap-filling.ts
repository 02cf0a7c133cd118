// The bytes of one download that are not there yet, asked of upstream until all are: gap after gap over
// one connection, or piece after piece over several.

import { setTimeout as delay } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'
import type { Extent } from '../lib/extents.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import { Beginning } from './beginning.ts'
import type { BeginningParts } from './beginning.ts'
import { Connections } from './connections.ts'
import { EarlyRequests, mayFetchEarly } from './early-request.ts'
import type { FillContent } from './fill-reader.ts'
import { GapRequest } from './gap-request.ts'
import type { GapRequestOptions, GapRequestParts } from './gap-request.ts'
import { unclaimedIn } from './pieces.ts'
import type { PieceSizes } from './pieces.ts'
import type { Gap } from './progress.ts'
import { breaksInARow, resumeDelayMs, worthResuming, worthResumingBeside } from './resume.ts'

export interface GapFillingParts extends BeginningParts, Omit<GapRequestParts, 'fetched'> {
  readonly content: FillContent
  /** Over how many connections it may come. */
  readonly segments: number
  readonly pieceSizes: PieceSizes | undefined
}

export class GapFilling {
  readonly #parts: GapFillingParts
  readonly #content: FillContent
  readonly #beginning: Beginning
  readonly #early = new EarlyRequests()
  readonly #requests = new Set<GapRequest>()
  /** What fails one connection fails the download, and so the others. */
  readonly #failing = new AbortController()
  readonly #signal: AbortSignal
  #connections = new Connections(1, undefined)
  #isOpened = false
  #isGone = false
  #fetchedBytes = 0

  constructor(parts: GapFillingParts) {
    this.#parts = parts
    this.#content = parts.content
    this.#beginning = new Beginning(parts)
    this.#signal = AbortSignal.any([parts.signal, this.#failing.signal])
  }

  /** Whether an earlier attempt's bytes are part of it. */
  get isResumed(): boolean {
    return this.#beginning.isResumed
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

  takeUpStaged(mustAsk: boolean): Promise<void> {
    return this.#beginning.takeUpStaged(mustAsk)
  }

  /** False when upstream has no such blob. */
  async fill(): Promise<boolean> {
    const { file, segments, pieceSizes } = this.#parts
    const { totalBytes, isAnswerable } = this.#content
    const isAllThere = file.progress.frontier === totalBytes
    if (this.isResumed && isAllThere && !isAnswerable) return await this.#askForOne()
    const missingBytes = totalBytes === undefined ? undefined : totalBytes - file.progress.bytes
    const connections = new Connections(segments, missingBytes, pieceSizes)
    this.#connections = connections
    try {
      const further = Array.from({ length: connections.allowed - 1 }, () => this.#fillFurther())
      const ended = await Promise.all([this.#fillOver(connections.begin()), ...further])
      return !ended.includes(false)
    } catch (error) {
      this.#failing.abort(error)
      this.abort()
      throw error
    } finally {
      connections.decide(false)
    }
  }

  /** A short window of which nobody has the bytes yet, ahead of the rest. Whether it is fetched so. */
  fetchEarly(wanted: Extent): boolean {
    const { totalBytes } = this.#content
    const { progress } = this.#parts.file
    if (this.#early.windows.length > 0 || totalBytes === undefined) return false
    if (!mayFetchEarly(wanted, progress.frontier)) return false
    const window = unclaimedIn(wanted, progress.extents, this.#connections.pieces)
    if (window) this.#early.begin(window, totalBytes, this.#request({ gap: window }))
    return true
  }

  /** Breaks off what is being read; the rest is up to the signal. */
  abort(): void {
    for (const request of this.#requests) request.abort()
  }

  /** Nothing is written any more. */
  async stop(): Promise<void> {
    const requests = [...this.#requests]
    await Promise.all([this.#early.stop(), ...requests.map((request) => request.stop())])
  }

  /** Nobody is answered any more. */
  end(): void {
    this.#beginning.end()
  }

  /** All of it is kept, and whether upstream has it here is not known. */
  async #askForOne(): Promise<boolean> {
    const opened = await this.#parts.sources.ask({ start: 0, end: 0 })
    opened?.abort()
    if (opened) this.#parts.answer()
    return opened !== undefined
  }

  async #fillFurther(): Promise<boolean> {
    const areFurther = await this.#connections.areFurther
    return areFurther ? await this.#fillOver(this.#connections.begin()) : true
  }

  /** One connection after another gap, until nothing is left to ask for or it is refused beside others. */
  async #fillOver(connection: symbol): Promise<boolean> {
    const { demand } = this.#parts
    let breaks = 0
    for (;;) {
      const gap = await this.#next(connection)
      if (!gap) return true
      const isFurther = !this.#connections.isAlone
      const request = this.#request({ gap, isFurther, clearWay: this.#clearWay })
      this.#requests.add(request)
      const { stoodBackMs } = demand
      try {
        if (!(await this.#fetch(request))) return false
        breaks = 0
        continue
      } catch (error) {
        const standingMs = demand.stoodBackMs - stoodBackMs
        // What befell it beside others says nothing of it alone.
        const before = isFurther && this.#connections.isAlone ? 0 : breaks
        breaks = breaksInARow(before, request.fetchedBytes, standingMs)
        if (!this.#goesOn(connection, request, error, breaks)) return true
      } finally {
        this.#requests.delete(request)
        this.#connections.release(gap)
      }
      await delay(resumeDelayMs(breaks), undefined, { signal: this.#signal })
    }
  }

  /** Undefined: nothing is left to ask for over this connection. */
  async #next(connection: symbol): Promise<Gap | undefined> {
    const { progress } = this.#parts.file
    const connections = this.#connections
    const content = this.#content
    this.#signal.throwIfAborted()
    // Whoever reads it from the beginning waits for nothing but the oldest piece.
    await this.#early.stopWithin(progress.frontier, progress.frontier + 1)
    if (!connections.maySeveral) {
      const gap = progress.gap()
      const isAllThere = content.isAnswerable && gap.start === content.totalBytes
      return isAllThere ? undefined : gap
    }
    const piece = await connections.claim(() => ({
      there: progress.extents,
      windows: this.#early.windows,
      totalBytes: content.totalBytes as number,
    }))
    if (!piece && !connections.isAlone) connections.leave(connection)
    return piece
  }

  async #fetch(request: GapRequest): Promise<boolean> {
    const content = this.#content
    const opened = await request.open()
    if (!opened) return this.#missing(request)
    const gap = this.#gapOf(request, opened)
    this.#isOpened = true
    await this.#beginning.opened(opened)
    this.#connections.decide(this.#connections.maySeveral)
    const position = await request.store(opened, gap)
    // A body that ended in good order without a length has told its length by that.
    content.totalBytes ??= position
    this.#parts.answer()
    return true
  }

  #missing({ isFurther }: GapRequest): boolean {
    if (!this.#content.isAnswerable) return false
    this.#isGone = !isFurther
    throw new UpstreamError('not-visible', `upstream no longer has ${this.#parts.digest}`)
  }

  /** What its body fills. */
  #gapOf({ gap, isFurther }: GapRequest, opened: OpenedBlob): Gap {
    if (opened.isPart || !this.#connections.maySeveral) return gap
    if (isFurther) {
      opened.abort()
      const message = `upstream gave the whole of ${this.#parts.digest} where it had given parts`
      throw new UpstreamError('bad-response', message)
    }
    // No parts here: it goes on to the end, as the one stream that it is.
    this.#connections.beOne()
    return { start: gap.start, end: undefined }
  }

  /** After a break, whether this connection goes on. Throws what is the end of the download. */
  #goesOn(connection: symbol, request: GapRequest, error: unknown, breaks: number): boolean {
    const connections = this.#connections
    if (!(error instanceof UpstreamError) || this.#isGone) throw error
    this.#signal.throwIfAborted()
    if (!connections.isAlone) {
      if (worthResumingBeside(error, breaks)) return true
      connections.leaveRefused(connection)
      return false
    }
    const isBegun = this.#isOpened || this.#content.isAnswerable
    if (request.isFurther || (isBegun && worthResuming(error, breaks))) return true
    // Perhaps it was the range: a single connection would not have asked for one.
    const mayBeRange = error.kind === 'bad-response' && !error.mayPass
    if (isBegun || !connections.maySeveral || !mayBeRange) throw error
    connections.beOne()
    return true
  }

  #request(options: GapRequestOptions): GapRequest {
    const fetched = (bytes: number): void => void (this.#fetchedBytes += bytes)
    return new GapRequest({ ...this.#parts, signal: this.#signal, fetched }, options)
  }

  readonly #clearWay = (start: number, end: number): Promise<void> | undefined =>
    this.#early.stopWithin(start, end)
}
