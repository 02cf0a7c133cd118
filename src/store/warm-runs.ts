// What runs of `regmirror warm` came to, the latest ones of each list: what somebody types by day pushes
// no run of a night's list out. Runs in the index worker.

import type { Database, Statement } from 'better-sqlite3'
import type { WarmRunRow } from './index-port.ts'

/** Of the same lists: three months of one a night. */
const RUNS_MAX = 90
/** Those that ran last; all that is typed is one of them. */
const LISTS_MAX = 32
/** Of all, with what became of each image, and the last one of each list: of a long one that is a few MiB. */
const WITH_RESULTS_MAX = 5

const runStatements = {
  begin: `
    INSERT INTO warm_run (started_at, lists, report, is_open) VALUES (@startedAt, @lists, @report, 1)`,
  endBegun: `DELETE FROM warm_run WHERE is_open AND lists = @lists`,
  record: `
    INSERT INTO warm_run (started_at, lists, report, results)
    VALUES (@startedAt, @lists, @report, @results)`,
  close: `UPDATE warm_run SET is_open = 0 WHERE is_open`,
  forgetOld: `
    DELETE FROM warm_run WHERE id IN (
      SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY lists ORDER BY id DESC) AS nth FROM warm_run
      ) WHERE nth > ${RUNS_MAX})`,
  forgetLists: `
    DELETE FROM warm_run WHERE lists NOT IN (
      SELECT lists FROM warm_run GROUP BY lists ORDER BY max(id) DESC LIMIT ${LISTS_MAX})`,
  forgetResults: `
    UPDATE warm_run SET results = NULL WHERE results IS NOT NULL
      AND id NOT IN (SELECT id FROM warm_run ORDER BY id DESC LIMIT ${WITH_RESULTS_MAX})
      AND id NOT IN (SELECT max(id) FROM warm_run WHERE results IS NOT NULL GROUP BY lists)`,
  latest: `
    SELECT started_at, lists, report, results FROM warm_run WHERE NOT is_open
    ORDER BY id DESC LIMIT @count`,
  latestOf: `
    SELECT started_at, lists, report, results FROM warm_run WHERE NOT is_open AND EXISTS (
      SELECT 1 FROM json_each(warm_run.lists) AS had JOIN json_each(@lists) AS asked USING (value))
    ORDER BY id DESC LIMIT @count`,
  lastOfEach: `
    SELECT started_at, lists, report, results FROM warm_run WHERE id IN (
      SELECT max(id) FROM warm_run WHERE results IS NOT NULL GROUP BY lists)
    ORDER BY id DESC`,
} as const

interface StoredRun {
  readonly started_at: number
  readonly lists: string
  readonly report: string
  readonly results: string | null
}

export class WarmRuns {
  readonly #database: Database
  readonly #sql: Record<keyof typeof runStatements, Statement>

  constructor(database: Database) {
    this.#database = database
    this.#sql = Object.fromEntries(
      Object.entries(runStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof runStatements, Statement>
  }

  /** What ends without a record was killed. One that is killed each time leaves no more rows than others. */
  begin({ startedAt, lists, report }: WarmRunRow): void {
    this.#database.transaction(() => {
      this.#sql.begin.run({ startedAt, lists: JSON.stringify(lists), report })
      this.#forget()
    })()
  }

  /** It ended, and came to nothing that could be recorded. */
  forgetBegun(lists: readonly string[]): void {
    this.#sql.endBegun.run({ lists: JSON.stringify(lists) })
  }

  record({ startedAt, lists, report, results }: WarmRunRow): void {
    this.#database.transaction(() => {
      const names = JSON.stringify(lists)
      this.#sql.endBegun.run({ lists: names })
      this.#sql.record.run({ startedAt, lists: names, report, results: results ?? null })
      this.#forget()
    })()
  }

  /** Of an owner that is gone: what it had begun has ended. */
  closeAll(): void {
    this.#sql.close.run()
  }

  /** The latest first. */
  latest(count: number): readonly WarmRunRow[] {
    return this.#sql.latest.all({ count }).map(rowOf)
  }

  /** The same of runs of any of these lists. */
  latestOf(lists: readonly string[], count: number): readonly WarmRunRow[] {
    return this.#sql.latestOf.all({ lists: JSON.stringify(lists), count }).map(rowOf)
  }

  /** Of each list that is remembered the last one that came to its end, the latest first. */
  lastOfEach(): readonly WarmRunRow[] {
    return this.#sql.lastOfEach.all().map(rowOf)
  }

  #forget(): void {
    this.#sql.forgetOld.run()
    this.#sql.forgetLists.run()
    this.#sql.forgetResults.run()
  }
}

function rowOf(row: unknown): WarmRunRow {
  const { started_at: startedAt, lists, report, results } = row as StoredRun
  return {
    ...{ startedAt, lists: JSON.parse(lists) as readonly string[] },
    ...{ report, results: results ?? undefined },
  }
}
