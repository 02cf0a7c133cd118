// How long a run bears with a registry: pauses, tries, and when it gives a registry up.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'

export const TRIES_MAX = 5
/** Of a registry that never answered in this run. */
export const TRIES_UNKNOWN_MAX = 2
/** Who is told to wait longer has used up what the registry gives. */
export const WAIT_MAX_MS = 15 * 60_000
const DELAY_FIRST_MS = 1000
const DELAY_MAX_MS = 60_000
/** A registry that answers nobody for so long, tries included, is given up for the run. */
const OUTAGE_MAX_MS = 5 * 60_000

/** Waits are told in whole seconds: refusals of one moment move the end of a pause by less. */
const WORTH_A_WORD_MS = 2000

const IN_WORDS: ReadonlyMap<UpstreamErrorKind, string> = new Map([
  ['rate-limited', 'too many requests'],
  ['bad-response', 'it fails'],
])

const SILENT: readonly UpstreamErrorKind[] = ['unreachable', 'timed-out', 'set-aside']

/** Undefined: the same would happen again. */
export function passingKind(error: unknown): UpstreamErrorKind | undefined {
  return error instanceof UpstreamError && error.mayPass ? error.kind : undefined
}

export interface Failure {
  readonly kind: UpstreamErrorKind
  readonly retryAfterMs: number | undefined
  /** How many tries of this request have failed. */
  readonly failed: number
  /** How many pauses of this registry came before, one after the other. */
  readonly inARow: number
  readonly hasAnswered: boolean
  readonly random: number
}

/** `exhausted`: longer than a run waits. */
export function delayAfter(failure: Failure): number | 'give-up' | 'exhausted' {
  const { kind, retryAfterMs, failed, inARow, hasAnswered, random } = failure
  const isTold = kind === 'rate-limited' && retryAfterMs !== undefined
  if (isTold && retryAfterMs > WAIT_MAX_MS) return 'exhausted'
  const isUnknown = SILENT.includes(kind) && !hasAnswered
  if (failed >= (isUnknown ? TRIES_UNKNOWN_MAX : TRIES_MAX)) return 'give-up'
  if (isTold) return retryAfterMs
  const jitteredMs = random * Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** inARow)
  const restMs = isUnknown ? 0 : (retryAfterMs ?? 0)
  return Math.max(jitteredMs, Math.min(restMs, DELAY_MAX_MS))
}

/** A registry gives nothing more for longer than a run waits. */
export class Exhausted extends Error {
  override readonly name = 'Exhausted'
  readonly untilMs: number

  constructor(message: string, untilMs: number) {
    super(message)
    this.untilMs = untilMs
  }
}

export interface PatienceOptions {
  readonly registry: string
  readonly now: () => number
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
  readonly notice: (text: string) => void
}

/** One for each registry: whatever is asked of it waits for the same pause. */
export class Patience {
  readonly #options: PatienceOptions
  #pausedUntilMs = 0
  #pausedMs = 0
  #inARow = 0
  #hasAnswered = false
  #answeredAtMs: number
  #end: UpstreamError | Exhausted | undefined
  rateLimited = 0

  constructor(options: PatienceOptions) {
    this.#options = options
    this.#answeredAtMs = options.now()
  }

  /** Pauses so far, those that are over and the part of one that has passed. */
  get waitedMs(): number {
    return Math.round(this.#pausedMs - this.#restMs)
  }

  get isPaused(): boolean {
    return this.#restMs > 0
  }

  /** Asks again and again, as long as it may help. `tried` hears of every try. */
  async bear<T>(work: () => Promise<T>, tried: () => void, signal: AbortSignal): Promise<T> {
    for (let failed = 1; ; failed += 1) {
      await this.#rest(signal)
      tried()
      try {
        const result = await work()
        this.#answered()
        return result
      } catch (error) {
        signal.throwIfAborted()
        this.#bearWith(error, failed)
      }
    }
  }

  /** What it was given up for may be over. */
  askAgain(): void {
    const isOver = this.#end instanceof Exhausted && this.#options.now() >= this.#end.untilMs
    if (isOver) this.#end = undefined
  }

  get #restMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#options.now())
  }

  async #rest(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#restMs > 0 && !this.#end) {
      await this.#options.sleep(this.#restMs, signal)
      signal.throwIfAborted()
    }
    if (this.#end) throw this.#end
  }

  #answered(): void {
    this.#hasAnswered = true
    this.#answeredAtMs = this.#options.now()
    // Who was on the way already when the pause began says nothing about it.
    if (this.#restMs === 0) this.#inARow = 0
  }

  /** Throws what nothing more can be done about. */
  #bearWith(error: unknown, failed: number): void {
    const kind = passingKind(error)
    if (!(error instanceof UpstreamError) || kind === undefined) {
      if (error instanceof UpstreamError && error.kind !== 'offline') this.#answered()
      throw error
    }
    if (kind === 'rate-limited') this.rateLimited += 1
    const { now, random } = this.#options
    const { retryAfterMs } = error
    const delay = delayAfter({
      kind,
      retryAfterMs,
      failed,
      inARow: this.#inARow,
      hasAnswered: this.#hasAnswered,
      random: random(),
    })
    if (delay === 'exhausted') throw this.#exhaust(retryAfterMs ?? 0)
    if (!SILENT.includes(kind)) this.#hasAnswered = true
    if (delay === 'give-up') {
      const isOut = !this.#hasAnswered || now() - this.#answeredAtMs >= OUTAGE_MAX_MS
      if (SILENT.includes(kind) && isOut) this.#end ??= error
      throw error
    }
    this.#pause(delay, error)
  }

  /** Of many that fail at once the first counts, unless a later one is told to wait longer. */
  #pause(delayMs: number, { kind, retryAfterMs }: UpstreamError): void {
    // Nothing is asked again: who was on the way when that was said changes nothing.
    if (this.#end) return
    const { now, registry, notice } = this.#options
    const isTold = kind === 'rate-limited' && retryAfterMs !== undefined
    const restMs = this.#restMs
    if (restMs > 0 && (!isTold || delayMs <= restMs)) return
    if (restMs === 0) this.#inARow += 1
    this.#pausedMs += delayMs - restMs
    this.#pausedUntilMs = now() + delayMs
    if (delayMs - restMs < WORTH_A_WORD_MS) return
    const wait = `waiting ${Math.ceil(delayMs / 1000)} s${isTold ? ' as told' : ''}`
    notice(`${registry}: ${IN_WORDS.get(kind) ?? 'no answer'}, ${wait}`)
  }

  #exhaust(retryAfterMs: number): Exhausted {
    const untilMs = this.#options.now() + retryAfterMs
    const at = new Date(untilMs).toISOString()
    const message = `${this.#options.registry} asks to be left alone until ${at}`
    this.#end = new Exhausted(message, untilMs)
    this.#options.notice(message)
    return this.#end as Exhausted
  }
}
