// What `regmirror warm` does; loaded when it is typed.

import type { Arguments } from 'yargs'
import type { WarmReport } from '../care/warm-job.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import { explainFailure } from './failure.ts'
import { readTypedFlags } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { outputColumns, print, say } from './output.ts'
import { runJob } from './run-job.ts'
import type { JobShown } from './run-job.ts'
import { afterTimeout, openWarmDisplay } from './warm-display.ts'
import type { ProgressMode, WarmDisplay } from './warm-display.ts'
import { jsonLine } from './warm-display-json.ts'
import { failureExitCode, warmExitCode } from './warm-exit.ts'
import { readLists } from './warm-lists.ts'
import { readWarmOptions, warmOptionNames } from './warm-options.ts'
import type { WarmOptions } from './warm-options.ts'
import { openReportFile } from './warm-report-file.ts'
import type { ReportFile } from './warm-report-file.ts'
import { planTable, runFailures, runsTable } from './warm-table.ts'

export async function warm(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'warm', warmOptionNames, Infinity)
  const { options, problems } = readWarmOptions(argv, Date.now())
  const known = [...typed.problems, ...problems]
  process.exitCode = options.isLast
    ? await showLastRuns(typed, options, known)
    : await warmOrRefuse(typed, options, known)
}

/** What a refusal says is for who reads the progress, too. */
async function warmOrRefuse(
  typed: TypedFlags,
  options: WarmOptions,
  known: readonly string[],
): Promise<number> {
  try {
    return await warmLists(typed, options, known)
  } catch (error) {
    const exitCode = failureExitCode(error)
    if (exitCode === undefined && options.progress !== 'json') throw error
    const failure = explainFailure(error)
    for (const sentence of failure.sentences) sayTrouble(sentence, options.progress)
    return exitCode ?? failure.exitCode
  }
}

async function showLastRuns(
  typed: TypedFlags,
  { last, isJson }: WarmOptions,
  known: readonly string[],
): Promise<number> {
  const surplus = typed.words.length > 0 ? ['--last shows earlier runs: give it no list'] : []
  const problems = [...known, ...surplus]
  if (problems.length > 0) throw new ConfigError(problems)
  const { answer, exitCode } = await runJob('runs', { count: last }, typed, { isQuiet: isJson })
  const { runs } = answer
  if (isJson) await print(`${JSON.stringify(runs, undefined, 2)}\n`)
  else if (runs.length > 0) await print(runsTable(runs, outputColumns()))
  else say('nothing was warmed yet')
  const [only] = runs
  if (!isJson && last === 1 && only) await print(runFailures(only))
  return exitCode
}

async function warmLists(
  typed: TypedFlags,
  options: WarmOptions,
  known: readonly string[],
): Promise<number> {
  const lists = await readLists(typed.words)
  const problems = [...known, ...lists.problems]
  if (problems.length > 0) throw new ConfigError(problems)
  const { reportFile } = options
  const file = reportFile === undefined ? undefined : openReportFile(reportFile)
  const ask = { ...options.ask, sources: lists.sources }
  let display: WarmDisplay | undefined
  try {
    const shown = (config: Config): JobShown<'warm'> => {
      display = openDisplay(options, config, retrySettings(typed))
      return shownOn(display, options)
    }
    const { answer, exitCode } = await runJob('warm', ask, typed, shown)
    display?.end(answer)
    if (answer.kind === 'taken') return 0
    const isWritten = await writeReport(answer.report, options, file)
    return warmExitCode(answer.report.outcome, exitCode) || (isWritten ? 0 : 1)
  } finally {
    file?.close()
  }
}

const NOT_FOR_PEOPLE: readonly ProgressMode[] = ['json', 'quiet']

function shownOn(display: WarmDisplay, { ask, progress }: WarmOptions): JobShown<'warm'> {
  const notice = (text: string): void => display.row({ kind: 'notice', text })
  const trouble = (text: string): void => sayTrouble(text, progress)
  return {
    onRows: (rows) => rows.forEach((row) => display.row(row)),
    onProgress: (shown) => display.progress(shown),
    clear: () => display.clear(),
    // A plan is no reason to begin a store, and without a store nobody runs what is left to him.
    begins: ask.isDetached ? undefined : ask.mode === 'run' ? 'to stay' : 'for now',
    // Programs read every line as one of the display's.
    ...(NOT_FOR_PEOPLE.includes(progress) && {
      say: notice,
      log: { debug: () => {}, info: () => {}, warn: notice, error: trouble },
    }),
  }
}

function sayTrouble(text: string, progress: ProgressMode): void {
  if (progress === 'json') process.stderr.write(jsonLine({ kind: 'error', text }))
  else say(text)
}

/** What cannot be written takes nothing away from what was done. */
async function writeReport(
  report: WarmReport,
  { reportFile = '', isJson, progress }: WarmOptions,
  file: ReportFile | undefined,
): Promise<boolean> {
  const text = `${JSON.stringify(report, undefined, 2)}\n`
  const kept = report.mode === 'run' ? ': the run is kept, see regmirror warm --last 1 --json' : ''
  const isDone = async (what: string, write: () => void | Promise<void>): Promise<boolean> => {
    try {
      await write()
      return true
    } catch (error) {
      const { code = (error as Error).message } = error as NodeJS.ErrnoException
      sayTrouble(`${what} cannot be written (${code})${kept}`, progress)
      return false
    }
  }
  const isFiled = await isDone(`the report ${reportFile}`, () => file?.write(text))
  const isPrinted = await isDone('the output', () => print(isJson ? text : planText(report)))
  return isFiled && isPrinted
}

/** Where the store is and what it is asked of, for who goes on with what failed. */
const RETRIED_SETTINGS = ['data', 'config', 'registry', 'default-registry'] as const

/** Not a login in a URL, which would be repeated on the screen. */
function retrySettings({ flags }: TypedFlags): readonly string[] {
  return RETRIED_SETTINGS.flatMap((name) =>
    (flags[name] ?? []).flatMap((text) => (text.includes('@') ? [] : [`--${name}`, text])),
  )
}

function openDisplay(
  { ask, progress, reportFile, retryOptions }: WarmOptions,
  config: Config,
  settings: readonly string[],
): WarmDisplay {
  return openWarmDisplay({
    mode: progress,
    asked: ask.mode,
    output: process.stderr,
    isTerminalDumb: config.isTerminalDumb,
    isUtf8: config.isLocaleUtf8,
    hasColor: config.log.color && process.stderr.isTTY,
    facts: { reportFile, retryOptions: [...settings, ...retryOptions] },
    now: Date.now,
    after: afterTimeout,
  })
}

function planText(report: WarmReport): string {
  const isTold = report.mode === 'plan' && report.registries.length > 0
  return isTold ? planTable(report, report.results, outputColumns()) : ''
}
