// Asks upstream what a list stands for, through whoever owns the store, and fetches nothing.

import type { WarmAsk, WarmCause, WarmResult, WarmRow } from '../care/warm-job.ts'
import type { TypedFlags } from './flags.ts'
import { say } from './output.ts'
import { ProgressLine } from './progress.ts'
import { runJob } from './run-job.ts'
import { warmExitCode } from './warm-exit.ts'
import { priceSentence, shortageSentence } from './warm-words.ts'

export const NOT_ASKED = 3

interface LookedUp {
  /** 130 where it was interrupted, 3 where nobody could be asked, else 0. */
  readonly exitCode: number
}

type Mode = Extract<WarmAsk['mode'], 'explain' | 'check'>

/** Notices are said; `onRow` gets the rest as it comes. */
export async function lookUp(
  ask: Omit<WarmAsk, 'mode' | 'isDetached'> & { readonly mode: Mode },
  typed: TypedFlags,
  onRow: (row: WarmRow) => void,
): Promise<LookedUp> {
  let line: ProgressLine | undefined
  const clear = (): void => line?.clear()
  const { answer, exitCode } = await runJob(
    'warm',
    { ...ask, isDetached: false },
    typed,
    (config) => {
      line = new ProgressLine(process.stderr, Date.now, config.isTerminalDumb)
      return {
        clear,
        onProgress: ({ done, total }) =>
          line?.show({ what: 'looking up', done, total, unit: 'images' }),
        onRows: (rows) => {
          clear()
          for (const row of rows) {
            if (row.kind === 'notice') say(row.text)
            else onRow(row)
          }
        },
        begins: 'for now',
      }
    },
  )
  // Only a run that nobody waits for is taken.
  if (answer.kind === 'taken') throw new Error('the run was not waited for')
  const { report } = answer
  if (report.outcome === 'interrupted') return { exitCode: warmExitCode(report.outcome, exitCode) }
  const isNothingTold = report.outcome === 'nothing' && !report.results.some(isWrong)
  return { exitCode: isNothingTold ? NOT_ASKED : exitCode }
}

/** What is wrong with the line, and not with the way to the registry, or with this machine. */
const OF_THE_LINE: readonly (WarmCause | undefined)[] = [
  'not-found',
  'no-match',
  'too-many',
  'not-served',
  'unauthorized',
  'platform',
  'wrong-content',
]

export function isWrong(result: WarmResult): boolean {
  return isNotGot(result) && OF_THE_LINE.includes(result.cause)
}

/** Whether it exists nobody knows. */
export function isUntold(result: WarmResult): boolean {
  return isNotGot(result) && !OF_THE_LINE.includes(result.cause)
}

function isNotGot({ status }: WarmResult): boolean {
  return status === 'failed' || status === 'left'
}

/** What a run of it would cost, and what is too much for a registry. */
export function priceSentences(row: WarmRow & { readonly kind: 'price' }): readonly string[] {
  const { price } = row
  if (price.stale === 0) return []
  return [priceSentence(price), ...price.registries.flatMap((each) => shortageSentence(each) ?? [])]
}
