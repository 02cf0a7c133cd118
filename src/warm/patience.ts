// How long a run bears with a registry: pauses, tries, and when it gives a registry up.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import { formatLocalTime } from '../lib/time-of-day.ts'
import {
  delayAfter,
  isSilence,
  isTold,
  OUTAGE_MAX_MS,
  passingKind,
  TRIES_MAX,
} from './retry-delay.ts'

/** Waits are told in whole seconds: refusals of one moment move the end of a pause by less. */
const WORTH_A_WORD_MS = 2000

const IN_WORDS: ReadonlyMap<UpstreamErrorKind, string> = new Map([
  ['rate-limited', 'too many requests'],
  ['bad-response', 'it fails'],
])

/** Registries limit these apart: who gives no more manifests may still give the blobs of those held. */
export type Traffic = 'lookups' | 'manifests' | 'blobs'

/** A registry gives nothing more for longer than a run waits. */
export class Exhausted extends Error {
  override readonly name = 'Exhausted'
  readonly untilMs: number

  constructor(message: string, untilMs: number) {
    super(message)
    this.untilMs = untilMs
  }
}

class Lane {
  answers = 0
  /** Of the first failure that no answer came after. */
  failingSinceMs: number | undefined
  /** Why nothing more is asked. */
  end: UpstreamError | Exhausted | undefined
}

/** Of one request. */
interface Failures {
  tries: number
  sinceMs: number
  /** How many others had been answered when it first failed. */
  answersBefore: number | undefined
}

const NONE_FAILED: Failures = { tries: 0, sinceMs: 0, answersBefore: undefined }

function wasSent(error: unknown): boolean {
  return !(error instanceof UpstreamError) || error.wasSent
}

export interface Sending {
  /**
   * Resolves when the next request may be sent: for work that finds out first whether it sends any.
   * Whoever only finds that there is nothing to send keeps nobody else waiting.
   */
  readonly turn: () => Promise<void>
  /** An answer too: a long download that goes on after each break has no end of tries. */
  readonly progressed: () => void
}

export interface PatienceOptions {
  readonly registry: string
  readonly now: () => number
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
  readonly notice: (text: string) => void
  /** Resolves when the next request may be sent, where not every moment is right for one. */
  readonly turn?: ((signal: AbortSignal) => Promise<void>) | undefined
}

/** One for each registry: whatever is asked of it waits for the same pause. */
export class Patience {
  readonly #options: PatienceOptions
  readonly #lanes: Readonly<Record<Traffic, Lane>> = {
    lookups: new Lane(),
    manifests: new Lane(),
    blobs: new Lane(),
  }
  #pausedUntilMs = 0
  #pausedMs = 0
  #inARow = 0
  #hasAnswered = false
  /** What it is, or may be, set aside for. */
  #reason: UpstreamError | undefined
  rateLimited = 0

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /** Pauses so far, those that are over and the part of one that has passed. */
  get waitedMs(): number {
    return Math.round(this.#pausedMs - this.#restMs)
  }

  get isPaused(): boolean {
    return this.#restMs > 0
  }

  /** Asks again and again, as long as it may help. `tried` hears of every try that was sent. */
  async bear<T>(
    traffic: Traffic,
    work: (sending: Sending) => Promise<T>,
    tried: () => void,
    signal: AbortSignal,
  ): Promise<T> {
    const lane = this.#lanes[traffic]
    const failures: Failures = { ...NONE_FAILED }
    const progressed = (): void => {
      Object.assign(failures, NONE_FAILED)
      this.#answered(lane)
    }
    const turn = (): Promise<void> => this.#turn(lane, signal)
    for (;;) {
      await this.#rest(lane, signal)
      try {
        const result = await work({ turn, progressed })
        tried()
        this.#answered(lane)
        return result
      } catch (error) {
        // It ended while this one waited for its turn.
        if (error === lane.end) throw error
        if (wasSent(error)) tried()
        signal.throwIfAborted()
        this.#bearWith(error, lane, failures)
      }
    }
  }

  /** What it was given up for may be over. */
  askAgain(): void {
    for (const lane of this.#all) {
      const isOver = lane.end instanceof Exhausted && this.#options.now() >= lane.end.untilMs
      if (isOver) lane.end = undefined
    }
  }

  get #all(): readonly Lane[] {
    return Object.values(this.#lanes)
  }

  get #restMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#options.now())
  }

  /** Another's answer may begin a pause while this one waits. */
  async #turn(lane: Lane, signal: AbortSignal): Promise<void> {
    await this.#options.turn?.(signal)
    while (this.isPaused) {
      await this.#rest(lane, signal)
      await this.#options.turn?.(signal)
    }
  }

  async #rest(lane: Lane, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#restMs > 0 && !lane.end) {
      await this.#options.sleep(this.#restMs, signal)
      signal.throwIfAborted()
    }
    if (lane.end) throw lane.end
  }

  #answered(lane: Lane): void {
    this.#hasAnswered = true
    this.#reason = undefined
    lane.answers += 1
    lane.failingSinceMs = undefined
    // Who was on the way already when the pause began says nothing about it.
    if (this.#restMs === 0) this.#inARow = 0
  }

  /** Throws what nothing more can be done about. */
  #bearWith(error: unknown, lane: Lane, failures: Failures): void {
    const kind = passingKind(error)
    if (!(error instanceof UpstreamError) || kind === undefined) {
      if (error instanceof UpstreamError && error.kind !== 'offline') this.#answered(lane)
      throw error
    }
    this.#count(error, lane, failures)
    const { retryAfterMs } = error
    const delay = delayAfter({
      ...{ kind, retryAfterMs, wasSent: error.wasSent, failed: failures.tries },
      failingMs: this.#failingMs(kind, lane, failures),
      inARow: this.#inARow,
      hasAnswered: this.#hasAnswered,
      random: this.#options.random(),
    })
    if (delay === 'exhausted') throw this.#exhaust(lane, retryAfterMs)
    if (!isSilence(kind)) this.#hasAnswered = true
    if (delay === 'give-up') throw this.#giveUp(error, lane, failures)
    this.#pause(delay, error, lane)
  }

  /** What is not sent is a wait. Of one that never answered it says as much as a try, after the first. */
  #count(error: UpstreamError, lane: Lane, failures: Failures): void {
    const nowMs = this.#options.now()
    const isFirst = failures.answersBefore === undefined
    if (isFirst) Object.assign(failures, { sinceMs: nowMs, answersBefore: lane.answers })
    const isKnownDead = !this.#hasAnswered && this.#reason !== undefined
    if (error.wasSent || isKnownDead) failures.tries += 1
    if (error.kind === 'rate-limited') {
      if (error.wasSent) this.rateLimited += 1
      return
    }
    lane.failingSinceMs ??= nowMs
    if (error.wasSent) this.#reason = error
  }

  #failingMs(
    kind: UpstreamErrorKind,
    lane: Lane,
    { sinceMs, answersBefore }: Failures,
  ): number | undefined {
    const nowMs = this.#options.now()
    const laneSinceMs = lane.failingSinceMs ?? nowMs
    if (answersBefore === lane.answers) return nowMs - Math.min(sinceMs, laneSinceMs)
    // Others got answers; what is only waited for goes by what came since.
    return kind === 'set-aside' ? nowMs - laneSinceMs : undefined
  }

  #giveUp(error: UpstreamError, lane: Lane, { answersBefore }: Failures): Error {
    const { registry, now } = this.#options
    if (error.kind === 'rate-limited') {
      if (answersBefore !== lane.answers) return error
      const because = `${registry} refuses everything as too many requests, ${TRIES_MAX} times in a row`
      return this.#end(lane, because, error.retryAfterMs)
    }
    const reason = error.wasSent ? error : (this.#reason ?? error)
    if (!this.#hasAnswered) for (const each of this.#all) each.end ??= reason
    const nowMs = now()
    if (nowMs - (lane.failingSinceMs ?? nowMs) >= OUTAGE_MAX_MS) lane.end ??= reason
    return reason
  }

  /** Of many that fail at once the first counts, unless a later one is told to wait longer. */
  #pause(delayMs: number, error: UpstreamError, lane: Lane): void {
    // Nothing is asked again: who was on the way when that was said changes nothing.
    if (lane.end) return
    const { now, registry, notice } = this.#options
    const restMs = this.#restMs
    if (restMs > 0 && (!isTold(error) || delayMs <= restMs)) return
    if (restMs === 0 && error.wasSent) this.#inARow += 1
    this.#pausedMs += delayMs - restMs
    this.#pausedUntilMs = now() + delayMs
    if (delayMs - restMs < WORTH_A_WORD_MS) return
    const wait = `waiting ${Math.ceil(delayMs / 1000)} s${isTold(error) ? ' as told' : ''}`
    notice(`${registry}: ${IN_WORDS.get(error.kind) ?? 'no answer'}, ${wait}`)
  }

  #exhaust(lane: Lane, retryAfterMs = 0): Exhausted {
    const at = formatLocalTime(this.#options.now() + retryAfterMs)
    return this.#end(
      lane,
      `${this.#options.registry} asks to be left alone until ${at}`,
      retryAfterMs,
    )
  }

  #end(lane: Lane, because: string, retryAfterMs = 0): Exhausted {
    const { now, notice } = this.#options
    if (lane.end instanceof Exhausted && lane.end.message === because) return lane.end
    const end = new Exhausted(because, now() + retryAfterMs)
    lane.end = end
    notice(because)
    return end
  }
}
