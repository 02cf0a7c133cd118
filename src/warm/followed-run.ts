// One run of a list with those who watch it. The run waits for nobody: who comes later, or reads slowly,
// gets what is kept of its rows.

import { addAbortListener } from 'node:events'
import type { Talk } from '../care/jobs.ts'
import type { WarmAnswer, WarmAsk, WarmProgress, WarmRow } from '../care/warm-job.ts'

/** Some MiB. All results are in the report. */
const ROWS_KEPT_MAX = 10_000
/** So that not every row moves all that is kept. */
const ROWS_FORGOTTEN_AT_ONCE = 1000

export type WarmTalk = Talk<WarmRow, WarmProgress>

export class FollowedRun {
  readonly id: string
  readonly ask: WarmAsk
  /** When its turn came, in ms since the epoch; undefined while it waits for that. */
  startedAt: number | undefined
  /** Nobody's going stops it. */
  isDetached: boolean
  /** Of the command that owns the store, which leaves when it is done. */
  isOwners = false
  readonly #deserted: (run: FollowedRun) => void
  readonly #stopping = new AbortController()
  readonly #ended = Promise.withResolvers<WarmAnswer>()
  readonly #watching = new Set<WarmTalk>()
  #rows: WarmRow[] = []
  #forgotten = 0
  #progress: WarmProgress | undefined
  #isOver = false
  #news = Promise.withResolvers<void>()

  /** `deserted`: the last one who waits for it goes. */
  constructor(id: string, ask: WarmAsk, deserted: (run: FollowedRun) => void) {
    this.id = id
    this.ask = ask
    this.#deserted = deserted
    this.isDetached = ask.isDetached
    // There may be nobody who waits for it.
    this.#ended.promise.catch(() => undefined)
  }

  get progress(): WarmProgress | undefined {
    return this.#progress
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** How the run itself talks. */
  readonly talk: WarmTalk = {
    signal: this.#stopping.signal,
    progress: (progress) => {
      this.#progress = progress
      for (const watcher of this.#watching) watcher.progress(progress)
    },
    rows: (batch) => {
      for (const row of batch) this.#rows.push(row)
      this.#forgetOldest()
      this.#tellNews()
      return Promise.resolve()
    },
  }

  say(text: string): void {
    void this.talk.rows([{ kind: 'notice', text }])
  }

  /** In good order: it still answers. */
  stop(): void {
    this.#stopping.abort()
  }

  get watchers(): number {
    return this.#watching.size
  }

  end(answer: WarmAnswer): void {
    this.#ended.resolve(answer)
    this.#over()
  }

  fail(error: unknown): void {
    this.#ended.reject(error instanceof Error ? error : new Error(String(error)))
    this.#over()
  }

  /**
   * All rows so far and to come, after those of `opening`. Undefined where the watcher goes before the end
   * and it goes on.
   */
  async follow(talk: WarmTalk, opening: readonly WarmRow[]): Promise<WarmAnswer | undefined> {
    this.#watching.add(talk)
    using _gone = addAbortListener(talk.signal, () => this.#leave(talk))
    if (this.#progress !== undefined) talk.progress(this.#progress)
    try {
      if (opening.length > 0) await talk.rows(opening)
      return (await this.#sendRows(talk)) ? await this.#ended.promise : undefined
    } finally {
      this.#watching.delete(talk)
    }
  }

  /** What is being stopped still answers, and so it does to the one for whose going it is stopped. */
  #leave(talk: WarmTalk): void {
    if (this.isStopping || this.#isOver) return
    if (this.isDetached || this.#watching.size > 1) this.#watching.delete(talk)
    else this.#deserted(this)
    this.#tellNews()
  }

  /** Whether that was all of them. */
  async #sendRows(talk: WarmTalk): Promise<boolean> {
    let sent = 0
    for (;;) {
      const news = this.#news.promise
      const isOver = this.#isOver
      const lost = Math.max(0, this.#forgotten - sent)
      const rows = this.#rows.slice(sent + lost - this.#forgotten)
      sent += lost + rows.length
      if (lost > 0) await talk.rows([leftOut(lost)])
      if (rows.length > 0) await talk.rows(rows)
      if (isOver) return true
      if (!this.#watching.has(talk)) return false
      await news
    }
  }

  #forgetOldest(): void {
    const surplus = this.#rows.length - ROWS_KEPT_MAX
    if (surplus <= 0) return
    const forgotten = Math.ceil(surplus / ROWS_FORGOTTEN_AT_ONCE) * ROWS_FORGOTTEN_AT_ONCE
    this.#rows = this.#rows.slice(forgotten)
    this.#forgotten += forgotten
  }

  #over(): void {
    this.#isOver = true
    this.#tellNews()
  }

  #tellNews(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }
}

function leftOut(rows: number): WarmRow {
  return { kind: 'notice', text: `${rows} lines of before are left out here: the report has all` }
}
