// Runs that come one after another; the first one runs.

import { JobPutOff } from '../errors.ts'
import { othersAndHowFar, queueFull, waitingBehind } from './desk-words.ts'
import type { FollowedRun } from './followed-run.ts'
import type { WarmProgress } from '../care/warm-job.ts'
import { notBegun } from './waiting.ts'

export class Lane {
  readonly #waitingMax: number
  readonly #runs: FollowedRun[] = []
  readonly #runOne: (run: FollowedRun) => Promise<void>
  #running: Promise<void> | undefined

  /** `runOne` never rejects. */
  constructor(waitingMax: number, runOne: (run: FollowedRun) => Promise<void>) {
    this.#waitingMax = waitingMax
    this.#runOne = runOne
  }

  get runs(): readonly FollowedRun[] {
    return this.#runs
  }

  /** Resolves when nothing runs any more. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Throws JobPutOff where too many wait already. */
  requirePlace(): void {
    const ahead = this.#runs.length
    if (ahead > this.#waitingMax) throw new JobPutOff(queueFull(ahead - 1))
  }

  add(run: FollowedRun): void {
    const [first] = this.#runs
    const between = this.#runs.length - 1
    this.#runs.push(run)
    if (first === undefined) this.#running = this.#runAll()
    else {
      run.say(waitingBehind(first, between))
      run.talk.progress(waitingFor(first))
    }
  }

  /** Those that wait are told how far the first one is. */
  tellHowFar(): void {
    const [first, ...waiting] = this.#runs
    if (first === undefined || waiting.length === 0) return
    const behind = waitingFor(first)
    for (const run of waiting) run.talk.progress(behind)
  }

  /** Its turn has not come. */
  giveUp(run: FollowedRun, error: Error): void {
    const at = this.#runs.indexOf(run)
    if (at < 0) return
    this.#runs.splice(at, 1)
    run.fail(error)
  }

  async #runAll(): Promise<void> {
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      await this.#runOne(run)
      this.#runs.shift()
    }
  }
}

function waitingFor(run: FollowedRun): WarmProgress {
  return notBegun(othersAndHowFar(run))
}
