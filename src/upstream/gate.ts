// Whether an endpoint is asked at all: the pause that a 429 asked for, and the rest that a dead one gets.

import { setTimeout as sleep } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'
import { AttemptError } from './attempt-error.ts'
import { untilAborted } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'

export class Gate {
  /** `docker.io: registry-1.docker.io`, for messages. */
  readonly #label: string
  readonly #limits: UpstreamLimits
  readonly #now: () => number
  #pausedUntilMs = 0
  #asideUntilMs = 0
  #failures = 0

  constructor(label: string, limits: UpstreamLimits, now: () => number) {
    this.#label = label
    this.#limits = limits
    this.#now = now
  }

  /** Resolves when a request may be sent; a short pause is waited out, anything longer throws. */
  async admit(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#pausedUntilMs - this.#now()
    if (pauseMs > this.#limits.retryAfterWaitMaxMs) {
      throw new UpstreamError('rate-limited', `${this.#label} asked to be left alone for a while`, {
        retryAfterMs: pauseMs,
      })
    }
    this.#admitOrSetAside()
    if (pauseMs > 0) await untilAborted(sleep(pauseMs), signal)
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(error: unknown): void {
    if (!(error instanceof AttemptError)) return
    if (error.endpointDown) this.#countFailure()
    // Any answer at all shows that it is up; a failure of the storage behind it shows nothing.
    else if (error.kind !== 'unreachable' && error.kind !== 'timed-out') this.succeeded()
  }

  pause(retryAfterMs: number | undefined): void {
    const until = this.#now() + (retryAfterMs ?? this.#limits.pauseDefaultMs)
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, until)
  }

  #admitOrSetAside(): void {
    if (this.#failures < this.#limits.setAsideAfterFailures) return
    if (this.#now() < this.#asideUntilMs) {
      throw new UpstreamError(
        'set-aside',
        `${this.#label} failed repeatedly and is not asked for now`,
      )
    }
    // Half open: this one goes and finds out, the others wait for the next turn or its success.
    this.#asideUntilMs = this.#now() + this.#limits.setAsideMs
  }

  #countFailure(): void {
    this.#failures++
    if (this.#failures >= this.#limits.setAsideAfterFailures) {
      this.#asideUntilMs = this.#now() + this.#limits.setAsideMs
    }
  }
}
