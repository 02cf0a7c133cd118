// What `gc` and `verify` print: what they found as a table, and what came of it in a sentence; or all
// of it as one JSON document.

import type { AnswerOf, AskOf, RowOf } from '../care/jobs.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'
import { outputColumns, print, say } from './output.ts'
import { runJob } from './run-job.ts'
import type { JobDone } from './run-job.ts'

type Reporting = 'gc' | 'verify'

export interface Report<Name extends Reporting> {
  /** What the rows are called in JSON. */
  readonly rowsName: string
  readonly columns: readonly Column[]
  /** `isShort`: for a terminal. */
  cells(row: RowOf<Name>, isShort: boolean): readonly string[]
  sentence(done: JobDone<AnswerOf<Name>>, ask: AskOf<Name>): string
}

export async function runReport<Name extends Reporting>(
  name: Name,
  ask: AskOf<Name>,
  typed: Parameters<typeof runJob>[2],
  isJson: boolean,
  { rowsName, columns, cells, sentence }: Report<Name>,
): Promise<JobDone<AnswerOf<Name>>> {
  const found: RowOf<Name>[] = []
  const onRows = (rows: readonly RowOf<Name>[]): void => void found.push(...rows)
  const done = await runJob(name, ask, typed, { onRows, isQuiet: isJson })
  if (isJson) {
    const interrupted = done.isInterrupted && { interrupted: true }
    const all = { ...ask, ...interrupted, ...done.answer, [rowsName]: found }
    await print(`${JSON.stringify(all, undefined, 2)}\n`)
    return done
  }
  if (found.length > 0) {
    const width = outputColumns()
    const rows = found.map((row) => cells(row, width !== undefined))
    await print(columnsText(columns, rows, width))
  }
  say(sentence(done, ask))
  return done
}
