// `regmirror stats`: what clients got, day by day, and what the store takes.

import type { Arguments, CommandModule } from 'yargs'
import { ConfigError } from '../errors.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import { outputColumns, print } from './output.ts'
import { runJob } from './run-job.ts'
import { statsAsJson, statsText } from './stats-table.ts'

const DESCRIBE = 'count hits and misses, bytes saved, and what the store takes'
const DAYS = '7'
/** As many as anybody keeps; the index keeps them all. */
const DAYS_MAX = 3660

export const statsCommand = {
  command: 'stats',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 stats [OPTION]...\n\n${DESCRIBE}`)
      .options({
        days: {
          type: 'string',
          group: 'Options:',
          describe: `N: how many days back, today (UTC) included [default: ${DAYS}]`,
        },
        json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of tables' },
        ...storeOptions('max-size', 'min-free'),
      })
      .epilogue(OTHERS_ACCEPTED),
  handler: stats,
} as const satisfies CommandModule

async function stats(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'stats', ['days', 'json'])
  const days = parseDays(argv['days'] ?? DAYS)
  if (days === undefined) {
    const problem = `--days: give one whole number of days from 1 to ${DAYS_MAX}, such as 30`
    throw new ConfigError([...typed.problems, problem])
  }
  const isJson = argv['json'] === true
  const { answer, exitCode } = await runJob('stats', { days }, typed, { isQuiet: isJson })
  await print(
    isJson
      ? `${JSON.stringify(statsAsJson(answer), undefined, 2)}\n`
      : statsText(answer, Date.now(), outputColumns()),
  )
  process.exitCode = exitCode
}

function parseDays(typed: unknown): number | undefined {
  if (typeof typed !== 'string' || !/^\d{1,4}$/.test(typed)) return undefined
  const days = Number(typed)
  return days >= 1 && days <= DAYS_MAX ? days : undefined
}
