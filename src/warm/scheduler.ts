// Has a list warmed when it is due, by asking for it like anybody else, and looks whether it was edited.

import type { Jobs } from '../care/jobs.ts'
import type { WarmAsk, WarmReport, WarmRow } from '../care/warm-job.ts'
import { JobPutOff } from '../errors.ts'
import { LOOK_EVERY_MS } from '../lib/wall-clock.ts'
import type { Clock } from '../lib/wall-clock.ts'
import type { ListText, ParsedList } from '../list/list-entry.ts'
import { decide, decidedAtStart, nextBegin, scheduleOf } from './schedule.ts'
import type { Decided, Decision, Schedule } from './schedule.ts'

/** Of one run: who warms a list by hand is told of all. */
const NOTICES_LOGGED_MAX = 100

interface RightList {
  readonly list: ListText
  readonly parsed: ParsedList
}

/** The list as it was right last. */
export interface ScheduledSource {
  readonly path: string
  readonly current: RightList
  /** Problems; of a list that has been right since the server started: none. */
  readonly lacking: readonly string[]
  look(events: {
    changed(list: RightList): void
    broken(problems: readonly string[]): void
  }): Promise<void>
}

/** `next`: when the next run begins by itself, as far as can be told. */
export interface SchedulerEvents {
  /** There is nothing to warm before the list is right. */
  lacking(problems: readonly string[]): void
  neverRan(next: number | undefined): void
  /** It is caught up now, or where windows keep it from that at `next`. */
  missed(next: number | undefined): void
  waits(next: number | undefined): void
  passedOver(next: number | undefined): void
  putOff(because: string, next: number | undefined): void
  next(next: number | undefined): void
  notice(text: string): void
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
  /** Of this list, also where it was killed. */
  readonly lastRun: () => Promise<WarmReport | undefined>
  readonly events: SchedulerEvents
  readonly clock: Clock
}

export class WarmScheduler {
  readonly #options: SchedulerOptions
  readonly #stopping = new AbortController()
  #schedule: Schedule
  #decided: Decided
  #isRunning = false
  /** Something that was due while the run goes on: told once of each run. */
  #isPassedOver = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#schedule = this.#scheduleNow()
    this.#decided = decidedAtStart(undefined, options.clock.now())
  }

  /** When the next run begins by itself; undefined: never. */
  get next(): number | undefined {
    return nextBegin(this.#schedule, this.#decided)
  }

  get lacking(): readonly string[] {
    return this.#options.source.lacking
  }

  get lines(): number {
    return this.#options.source.current.parsed.entries.length
  }

  /** Resolves once what was missed has begun, or waits. */
  async start(): Promise<void> {
    const { lastRun, clock, events } = this.#options
    // Where it cannot be told, nothing was missed.
    const last = await lastRun().catch(() => undefined)
    this.#decided = decidedAtStart(last, clock.now())
    if (this.lacking.length > 0) events.lacking(this.lacking)
    else this.#begin(last)
    void this.#lookOnAndOn().catch((error: unknown) => events.failed(error))
  }

  /** Begins no more. What runs is its desk's to end. */
  stop(): void {
    this.#stopping.abort()
  }

  #begin(last: WarmReport | undefined): void {
    const { events } = this.#options
    const decision = this.#decide()
    const { what } = decision
    if (last === undefined) events.neverRan(this.next)
    else if (what !== undefined) events.missed(what === 'wait' ? this.next : undefined)
    else events.next(this.next)
    this.#act(decision)
  }

  async #lookOnAndOn(): Promise<void> {
    const { signal } = this.#stopping
    const { clock, source, events } = this.#options
    for (;;) {
      const untilNextMs = (this.next ?? Infinity) - clock.now()
      const sleepMs = Math.min(LOOK_EVERY_MS, Math.max(1, untilNextMs))
      await clock.sleep(sleepMs, signal).catch(() => undefined)
      if (signal.aborted) return
      let isChanged = false
      await source.look({
        changed: () => {
          this.#schedule = this.#scheduleNow()
          isChanged = true
        },
        broken: (problems) => events.broken(problems),
      })
      if (signal.aborted) return
      if (this.lacking.length > 0) continue
      const decision = this.#decide()
      // What was due before the list was right begins now.
      const begins = decision.what === 'begin' ? clock.now() : this.next
      if (isChanged) events.changed(this.lines, begins)
      if (decision.what === 'wait') events.waits(this.next)
      if (decision.what === 'pass-over') this.#passOver()
      this.#act(decision)
    }
  }

  #decide(): Decision {
    const seen = { now: this.#options.clock.now(), isRunning: this.#isRunning }
    const decision = decide(this.#schedule, this.#decided, seen)
    this.#decided = decision.decided
    return decision
  }

  #passOver(): void {
    if (!this.#isPassedOver) this.#options.events.passedOver(this.next)
    this.#isPassedOver = true
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
    this.#isPassedOver = false
    try {
      // The desk ends it when the server stops.
      const { signal } = new AbortController()
      await warm(due, { signal, progress: () => {}, rows: this.#noticesOf() })
      if (!this.#stopping.signal.aborted) events.next(this.next)
    } catch (error) {
      // Of a run that failed the desk has told.
      const isUntold = error instanceof JobPutOff && !this.#stopping.signal.aborted
      if (isUntold) events.putOff(error.message, this.next)
    } finally {
      this.#isRunning = false
    }
  }

  #noticesOf(): (rows: readonly WarmRow[]) => Promise<void> {
    let toTell = NOTICES_LOGGED_MAX
    return (rows) => {
      const texts = rows.flatMap((row) => (row.kind === 'notice' ? row.text : []))
      for (const text of texts.slice(0, toTell)) this.#options.events.notice(text)
      toTell = Math.max(0, toTell - texts.length)
      return Promise.resolve()
    }
  }

  #scheduleNow(): Schedule {
    const { at, source } = this.#options
    if (source.lacking.length > 0) return { dues: [], windows: [] }
    return scheduleOf(at, source.current.parsed.windows)
  }
}
