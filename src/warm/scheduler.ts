// Has a list warmed when it is due, by asking for it like anybody else, and looks whether it was edited.

import type { Jobs } from '../care/jobs.ts'
import type { WarmAsk, WarmReport } from '../care/warm-job.ts'
import { JobPutOff } from '../errors.ts'
import { LOOK_EVERY_MS } from '../lib/wall-clock.ts'
import type { Clock } from '../lib/wall-clock.ts'
import type { ListText, ParsedList } from '../list/list-entry.ts'
import { decide, decidedAtStart, nextBegin, scheduleOf } from './schedule.ts'
import type { Decided, Decision, Schedule } from './schedule.ts'

/** All that are kept. */
const RUNS_LOOKED_AT = 90

interface RightList {
  readonly list: ListText
  readonly parsed: ParsedList
}

/** The list as it was right last. */
export interface ScheduledSource {
  readonly path: string
  readonly current: RightList
  look(events: {
    changed(list: RightList): void
    broken(problems: readonly string[]): void
  }): Promise<void>
}

/** `next`: when the next run begins by itself, as far as can be told. */
export interface SchedulerEvents {
  neverRan(next: number | undefined): void
  /** It is caught up now, or where windows keep it from that at `next`. */
  missed(next: number | undefined): void
  waits(next: number | undefined): void
  passedOver(next: number | undefined): void
  putOff(because: string, next: number | undefined): void
  next(next: number | undefined): void
  changed(lines: number, next: number | undefined): void
  broken(problems: readonly string[]): void
  failed(error: unknown): void
}

export interface SchedulerOptions {
  readonly source: ScheduledSource
  /** Five fields of cron; undefined: as the list says. */
  readonly at: string | undefined
  /** Besides what the schedule says. */
  readonly ask: Pick<WarmAsk, 'platforms' | 'jobs'>
  readonly warm: Jobs['warm']
  readonly lastRuns: (count: number) => Promise<readonly WarmReport[]>
  readonly events: SchedulerEvents
  readonly clock: Clock
}

export class WarmScheduler {
  readonly #options: SchedulerOptions
  readonly #stopping = new AbortController()
  #schedule: Schedule
  #decided: Decided
  #isRunning = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#schedule = this.#scheduleNow()
    this.#decided = decidedAtStart(undefined, options.clock.now())
  }

  /** When the next run begins by itself; undefined: never. */
  get next(): number | undefined {
    return nextBegin(this.#schedule, this.#decided)
  }

  get lines(): number {
    return this.#options.source.current.parsed.entries.length
  }

  /** Resolves once what was missed has begun, or waits. */
  async start(): Promise<void> {
    const { clock, events } = this.#options
    const last = await this.#lastRun()
    this.#decided = decidedAtStart(last, clock.now())
    const decision = this.#decide()
    const { what } = decision
    if (last === undefined) events.neverRan(this.next)
    else if (what !== undefined) events.missed(what === 'wait' ? this.next : undefined)
    else events.next(this.next)
    this.#act(decision)
    void this.#lookOnAndOn().catch((error: unknown) => events.failed(error))
  }

  /** Begins no more. What runs is its desk's to end. */
  stop(): void {
    this.#stopping.abort()
  }

  async #lookOnAndOn(): Promise<void> {
    const { signal } = this.#stopping
    const { clock, source, events } = this.#options
    for (;;) {
      const untilNextMs = (this.next ?? Infinity) - clock.now()
      const sleepMs = Math.min(LOOK_EVERY_MS, Math.max(1, untilNextMs))
      await clock.sleep(sleepMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await source.look({
        changed: () => {
          this.#schedule = this.#scheduleNow()
          events.changed(this.lines, this.next)
        },
        broken: (problems) => events.broken(problems),
      })
      if (signal.aborted) return
      const decision = this.#decide()
      if (decision.what === 'wait') events.waits(this.next)
      if (decision.what === 'pass-over') events.passedOver(this.next)
      this.#act(decision)
    }
  }

  #decide(): Decision {
    const seen = { now: this.#options.clock.now(), isRunning: this.#isRunning }
    const decision = decide(this.#schedule, this.#decided, seen)
    this.#decided = decision.decided
    return decision
  }

  #act({ what, untilAt }: Decision): void {
    if (what === 'begin') void this.#run(untilAt)
  }

  async #run(untilAt: number | undefined): Promise<void> {
    const { warm, source, ask, events } = this.#options
    const due: WarmAsk = {
      ...ask,
      sources: [source.current.list],
      mode: 'run',
      bytesPerSecond: undefined,
      reserve: undefined,
      untilAt,
      isScheduled: true,
      isDetached: false,
    }
    this.#isRunning = true
    try {
      // The desk ends it when the server stops.
      const { signal } = new AbortController()
      await warm(due, { signal, progress: () => {}, rows: () => Promise.resolve() })
      if (!this.#stopping.signal.aborted) events.next(this.next)
    } catch (error) {
      // Of a run that failed the desk has told.
      const isUntold = error instanceof JobPutOff && !this.#stopping.signal.aborted
      if (isUntold) events.putOff(error.message, this.next)
    } finally {
      this.#isRunning = false
    }
  }

  #scheduleNow(): Schedule {
    const { at, source } = this.#options
    return scheduleOf(at, source.current.parsed.windows)
  }

  async #lastRun(): Promise<WarmReport | undefined> {
    const { lastRuns, source } = this.#options
    // Where it cannot be told, nothing was missed.
    const runs = await lastRuns(RUNS_LOOKED_AT).catch(() => [])
    return runs.find(({ paths = [] }) => paths.includes(source.path))
  }
}
