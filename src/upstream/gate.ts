// Whether an endpoint is asked at all: the pause that a 429 asked for, and the rest that a dead one gets.
//
// Where other endpoints follow, one failure is enough, and each rest in a row is longer than the one
// before: a dead first endpoint costs one client its wait once in a while, never each pull. The last
// endpoint has nobody to stand in for it and is given up later and asked again sooner.

import { setTimeout as sleep } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'
import { AttemptError } from './attempt-error.ts'
import { untilAborted } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'
import type { EndpointStatus } from './upstream.ts'

/**
 * HEADs and lists; GETs of manifests; GETs of blobs. A 429 to the one says nothing about the others:
 * Docker Hub counts GETs of manifests only, so the blobs of an image whose manifest is here go on, and
 * a HEAD still tells that a tag has not moved. Where every request is limited, each kind finds out for
 * itself, by one request.
 */
export type Traffic = 'lookups' | 'manifests' | 'blobs'

export interface Asked {
  readonly traffic: Traffic
  /** Without the login, where there is one: addresses and accounts are limited apart. */
  readonly anonymously: boolean
}

export interface Admission extends Asked {
  /** Goes on with a download that has begun: pauses are for what is new. */
  readonly isContinuation: boolean
  /** Beside another connection for the same content: a refusal may be of their number. */
  readonly isFurther: boolean
  /** No other endpoint has an answer. */
  readonly isLastResort: boolean
}

export interface GateOptions {
  /** `docker.io: registry-1.docker.io`, for messages. */
  readonly label: string
  readonly limits: UpstreamLimits
  readonly othersFollow: boolean
  readonly now: () => number
  /** Nothing of this kind is asked for so long. */
  readonly leftAlone: (what: Asked | 'all', because: string, forMs: number) => void
  readonly worksAgain: () => void
}

export class Gate {
  readonly #options: GateOptions
  readonly #aside = new Rest()
  readonly #pauses = pauses()
  readonly #anonymousPauses = pauses()
  #failures = 0
  #isProbed = false
  #wasAsked = false
  #lastFailure: EndpointStatus['lastFailure']

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Resolves when a request may be sent; a short pause is waited out, anything longer throws. */
  async admit(admission: Admission, signal: AbortSignal) {
    const { othersFollow, limits, label, now } = this.#options
    const { isContinuation, isLastResort } = admission
    const pauseMs = isContinuation ? 0 : this.#pauseOf(admission).untilMs - now()
    if (pauseMs > (othersFollow ? 0 : limits.retryAfterWaitMaxMs)) {
      const message = `${label} asked to be left alone for a while`
      throw new UpstreamError('rate-limited', message, { retryAfterMs: pauseMs, wasSent: false })
    }
    this.#admitOrSetAside(isLastResort)
    this.#wasAsked = true
    if (pauseMs > 0) await untilAborted(sleep(pauseMs), signal)
  }

  succeeded(asked: Asked): void {
    const pause = this.#pauseOf(asked)
    // Who was on the way already when the pause began does not end it.
    const isPauseOver = this.#options.now() >= pause.untilMs
    const hadPaused = isPauseOver && pause.end()
    this.#isUp(hadPaused)
  }

  failed(error: unknown): void {
    if (!(error instanceof AttemptError)) return
    if (error.kind !== 'not-visible') {
      const { kind, status, host } = error
      this.#lastFailure = { kind, status, host, atMs: this.#options.now() }
    }
    const weight = this.#weightOf(error)
    if (weight === undefined) return
    // Any answer at all shows that it is up, and nothing more: a pause does not end by it.
    if (weight === 0) this.#isUp()
    else this.#countFailure(weight, error.message)
  }

  /** `toldMs`: for how long it asked to be left alone. Of many 429 at once the first counts. */
  pause({ traffic, anonymously }: Asked, because: string, toldMs: number | undefined): void {
    const { now, othersFollow, limits, leftAlone } = this.#options
    // A header that is wrong must not keep pulls waiting for a day.
    const retryAfterMs = toldMs === undefined ? undefined : Math.min(toldMs, limits.pauseMaxMs)
    const asked = { traffic, anonymously }
    const pause = this.#pauseOf(asked)
    if (now() < pause.untilMs) return pause.extend(now() + (retryAfterMs ?? 0))
    const firstMs = othersFollow ? limits.setAsideMs : limits.pauseDefaultMs
    const maxMs = othersFollow ? limits.setAsideMaxMs : limits.pauseDefaultMs
    leftAlone(asked, because, pause.begin(now(), firstMs, maxMs, retryAfterMs))
  }

  /** What keeps pulls waiting: a pause of what is asked without the login does not. */
  status(): Omit<EndpointStatus, 'url'> {
    const nowMs = this.#options.now()
    const asideMs = this.#aside.untilMs
    const pauseMs = Math.max(...Object.values(this.#pauses).map(({ untilMs }) => untilMs))
    const lastFailure = this.#lastFailure
    if (nowMs < asideMs) return { state: 'set-aside', untilMs: asideMs, lastFailure }
    if (nowMs < pauseMs) return { state: 'paused', untilMs: pauseMs, lastFailure }
    const state = this.#wasAsked ? 'working' : 'unused'
    return { state, untilMs: undefined, lastFailure }
  }

  #pauseOf({ traffic, anonymously }: Asked): Rest {
    return (anonymously ? this.#anonymousPauses : this.#pauses)[traffic]
  }

  #admitOrSetAside(isLastResort: boolean): void {
    const { limits, now, label } = this.#options
    if (!this.#aside.isOn) return
    // A long rest is for as long as others do the work.
    const sinceMs = now() - this.#aside.sinceMs
    const isOver = now() >= this.#aside.untilMs || (isLastResort && sinceMs >= limits.setAsideMs)
    if (!isOver) {
      const retryAfterMs = this.#aside.untilMs - now()
      const message = `${label} failed just now and is not asked for a while`
      throw new UpstreamError('set-aside', message, { retryAfterMs })
    }
    // Half open: this one goes and finds out, the others wait for the next turn or its success.
    this.#aside.renew(now(), limits.setAsideMs)
    this.#isProbed = true
  }

  #isUp(hadPaused = false): void {
    this.#failures = 0
    this.#isProbed = false
    const wasAside = this.#aside.end()
    if (wasAside || hadPaused) this.#options.worksAgain()
  }

  /** Undefined: it says nothing about the endpoint. */
  #weightOf({ kind, transient, endpointDown }: AttemptError): number | undefined {
    const { othersFollow, limits } = this.#options
    const isDown = kind === 'unreachable' || kind === 'timed-out'
    if (!othersFollow) return endpointDown ? 1 : isDown ? undefined : 0
    // Its storage too: another endpoint has another.
    if (isDown) return limits.setAsideAfterFailures
    return kind === 'bad-response' && transient ? 1 : 0
  }

  #countFailure(weight: number, because: string): void {
    const { limits, now, othersFollow, leftAlone } = this.#options
    this.#failures += weight
    if (this.#failures < limits.setAsideAfterFailures) return
    // Of many who were on their way when it failed, the first counts.
    if (now() < this.#aside.untilMs && !this.#isProbed) return
    this.#isProbed = false
    const maxMs = othersFollow ? limits.setAsideMaxMs : limits.setAsideMs
    leftAlone('all', because, this.#aside.begin(now(), limits.setAsideMs, maxMs))
  }
}

function pauses(): Readonly<Record<Traffic, Rest>> {
  return { lookups: new Rest(), manifests: new Rest(), blobs: new Rest() }
}

/** A time in which something is left alone; each in a row is twice as long as the one before. */
class Rest {
  sinceMs = 0
  untilMs = 0
  #inARow = 0

  get isOn(): boolean {
    return this.#inARow > 0
  }

  begin(nowMs: number, firstMs: number, maxMs: number, exactlyMs?: number): number {
    const lengthMs = exactlyMs ?? Math.min(firstMs * 2 ** this.#inARow, maxMs)
    this.#inARow += 1
    this.renew(nowMs, lengthMs)
    return lengthMs
  }

  renew(nowMs: number, lengthMs: number): void {
    this.sinceMs = nowMs
    this.untilMs = nowMs + lengthMs
  }

  extend(untilMs: number): void {
    this.untilMs = Math.max(this.untilMs, untilMs)
  }

  /** Whether there was one. */
  end(): boolean {
    const wasOn = this.isOn
    this.#inARow = 0
    this.untilMs = 0
    return wasOn
  }
}
