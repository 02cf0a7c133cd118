// `regmirror gc`: removes now what would be removed in time, or says what that is.

import type { Arguments, CommandModule } from 'yargs'
import type { GcAnswer, GcAsk } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'
import { nameCut, withShortDigest } from './columns.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import { runReport } from './report.ts'
import type { Report } from './report.ts'
import type { JobDone } from './run-job.ts'

const DESCRIBE = 'remove what nothing needs any more, and what is above the limit'

export const gcCommand = {
  command: 'gc',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 gc [OPTION]...\n\n${DESCRIBE}`)
      .options({
        plan: { type: 'boolean', group: 'Options:', describe: 'only say what would be removed' },
        json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
        ...storeOptions('max-size', 'min-free', 'keep-untagged'),
      })
      .epilogue(OTHERS_ACCEPTED),
  handler: gc,
} as const satisfies CommandModule

const REPORT: Report<'gc'> = {
  rowsName: 'victims',
  columns: [
    { title: 'KIND' },
    { title: 'NAME', shrinksTo: 28, cut: nameCut },
    { title: 'SIZE', align: 'right' },
    { title: 'BECAUSE', shrinksTo: 16 },
  ],
  cells: ({ kind, name, bytes, because }, isShort) => [
    kind,
    isShort ? withShortDigest(name) : name,
    formatBytes(bytes),
    because,
  ],
  sentence: gcSentence,
}

async function gc(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'gc', ['plan', 'json'])
  const ask = { isPlan: argv['plan'] === true }
  const { exitCode } = await runReport('gc', ask, typed, argv['json'] === true, REPORT)
  process.exitCode = exitCode
}

export function gcSentence(
  { answer, isInterrupted }: Pick<JobDone<GcAnswer>, 'answer' | 'isInterrupted'>,
  { isPlan }: GcAsk,
): string {
  const { images, blobs, downloads, quarantined, freedBytes, stillTooMuchBytes } = answer
  const parts = [
    counted(images, 'image', 'images'),
    counted(blobs, 'blob that no image needs', 'blobs that no image needs'),
    counted(downloads, 'unfinished download', 'unfinished downloads'),
    counted(quarantined, 'file in quarantine', 'files in quarantine'),
  ].filter((part) => part !== '')
  const what = `${parts.join(', ')}: ${formatBytes(freedBytes)}`
  if (isInterrupted) {
    const [verb, none] = isPlan
      ? ['found', 'nothing was found']
      : ['removed', 'nothing was removed']
    return `interrupted: ${parts.length === 0 ? none : `${verb} ${what}`} until then`
  }
  const still = stillTooMuchBytes > 0 ? stillStored(stillTooMuchBytes, isPlan) : ''
  if (parts.length === 0) {
    const [planned, done] = ['nothing would be removed', 'nothing had to be removed']
    return isPlan ? planned + still : still === '' ? done : `nothing was removed${still}`
  }
  return (isPlan ? `would remove ${what}` : `removed ${what} freed`) + still
}

function stillStored(bytes: number, isPlan: boolean): string {
  const verb = isPlan ? 'would still be' : 'is still'
  const why = 'all of it was used in the last 10 minutes or is pinned'
  return `; ${formatBytes(bytes)} more than allowed ${verb} stored: ${why}`
}

function counted(count: number, one: string, many: string): string {
  if (count === 0) return ''
  return `${count} ${count === 1 ? one : many}`
}
