// What runs of `regmirror warm` came to, the latest ones. Runs in the index worker.

import type { Database, Statement } from 'better-sqlite3'
import type { WarmRunRow } from './index-port.ts'

/** Three months of one a night. */
const RUNS_MAX = 90
/** With what became of each image: of a long list that is a few MiB. */
const WITH_RESULTS_MAX = 5

const runStatements = {
  record: `
    INSERT INTO warm_run (started_at, report, results) VALUES (@startedAt, @report, @results)`,
  forgetOld: `
    DELETE FROM warm_run WHERE id NOT IN (SELECT id FROM warm_run ORDER BY id DESC LIMIT ${RUNS_MAX})`,
  forgetResults: `
    UPDATE warm_run SET results = NULL WHERE results IS NOT NULL AND id NOT IN
      (SELECT id FROM warm_run ORDER BY id DESC LIMIT ${WITH_RESULTS_MAX})`,
  latest: `SELECT started_at, report, results FROM warm_run ORDER BY id DESC LIMIT @count`,
} as const

export class WarmRuns {
  readonly #database: Database
  readonly #sql: Record<keyof typeof runStatements, Statement>

  constructor(database: Database) {
    this.#database = database
    this.#sql = Object.fromEntries(
      Object.entries(runStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof runStatements, Statement>
  }

  record({ startedAt, report, results }: WarmRunRow): void {
    this.#database.transaction(() => {
      this.#sql.record.run({ startedAt, report, results: results ?? null })
      this.#sql.forgetOld.run()
      this.#sql.forgetResults.run()
    })()
  }

  /** The latest first. */
  latest(count: number): readonly WarmRunRow[] {
    const rows = this.#sql.latest.all({ count }) as {
      started_at: number
      report: string
      results: string | null
    }[]
    return rows.map(({ started_at: startedAt, report, results }) => ({
      startedAt,
      report,
      results: results ?? undefined,
    }))
  }
}
