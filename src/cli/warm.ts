// `regmirror warm`: fills the cache from a list, ahead of those who pull.

import type { Arguments, CommandModule } from 'yargs'
import type { WarmAnswer, WarmReport } from '../care/warm-job.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import { explainFailure } from './failure.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { print, say } from './output.ts'
import { runJob } from './run-job.ts'
import type { JobShown } from './run-job.ts'
import { afterTimeout, openWarmDisplay } from './warm-display.ts'
import type { ProgressMode, WarmDisplay } from './warm-display.ts'
import { EXIT_CODES_HELP, failureExitCode, warmExitCode } from './warm-exit.ts'
import { readLists } from './warm-lists.ts'
import { readWarmOptions, warmOptionNames, warmOptions } from './warm-options.ts'
import type { WarmOptions } from './warm-options.ts'
import { openReportFile } from './warm-report-file.ts'
import { planTable, runFailures, runsTable } from './warm-table.ts'

const DESCRIBE = 'fill the cache from a list of images'

export const warmCommand = {
  command: 'warm',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 warm LIST | - | REF... [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 warm mirror.txt', 'a file, one image on each line; - is the standard input'],
        ['$0 warm nginx:1.25,1.26-alpine ghcr.io/org/app', 'images; without a tag: latest'],
        [`$0 warm 'redis:7.*' 'kindest/node:^v1\\.3[01]\\.'`, 'every tag that matches'],
        ['$0 warm mirror.txt --until 06:00', 'by night'],
        ['$0 warm --last', 'what came of the last runs'],
      ])
      .options({ ...warmOptions, ...storeOptions('registry', 'default-registry') })
      .epilogue(`${EXIT_CODES_HELP}\n\n${OTHERS_ACCEPTED}`),
  handler: warm,
} as const satisfies CommandModule

async function warm(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'warm', warmOptionNames, Infinity)
  const { options, problems } = readWarmOptions(argv, Date.now())
  const known = [...typed.problems, ...problems]
  process.exitCode = options.isLast
    ? await showLastRuns(typed, options, known)
    : await warmLists(typed, options, known)
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
  else if (runs.length > 0) await print(runsTable(runs, process.stdout.columns))
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
      const opened = openDisplay(options, config, retrySettings(typed))
      display = opened
      return {
        onRows: (rows) => rows.forEach((row) => opened.row(row)),
        onProgress: (progress) => opened.progress(progress),
        clear: () => opened.clear(),
        // Programs read every line as one of the display's.
        ...(NOT_FOR_PEOPLE.includes(options.progress) && {
          say: (text: string) => opened.row({ kind: 'notice', text }),
        }),
        beginsStore: true,
      }
    }
    const { answer, exitCode } = await runJob('warm', ask, typed, shown)
    if (answer.kind === 'ended') {
      file?.write(`${JSON.stringify(answer.report, undefined, 2)}\n`)
      await printReport(answer.report, options.isJson)
    }
    display?.end(answer)
    return exitCodeOf(answer, exitCode)
  } catch (error) {
    const exitCode = failureExitCode(error)
    if (exitCode === undefined) throw error
    explainFailure(error).sentences.forEach(say)
    return exitCode
  } finally {
    file?.close()
  }
}

const NOT_FOR_PEOPLE: readonly ProgressMode[] = ['json', 'quiet']
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

async function printReport(report: WarmReport, isJson: boolean): Promise<void> {
  if (isJson) await print(`${JSON.stringify(report, undefined, 2)}\n`)
  else if (report.mode === 'plan' && report.registries.length > 0) {
    await print(planTable(report, report.results, process.stdout.columns))
  }
}

function exitCodeOf(answer: WarmAnswer, interruptedBy: number): number {
  return answer.kind === 'taken' ? 0 : warmExitCode(answer.report.outcome, interruptedBy)
}
