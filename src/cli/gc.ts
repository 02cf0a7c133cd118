// `regmirror gc`: removes now what would be removed in time, or says what that is.

import type { Arguments, CommandModule } from 'yargs'
import type { GcAnswer, VictimRow } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { print, say } from './output.ts'
import { runJob } from './run-job.ts'

const DESCRIBE = 'remove what nothing needs any more, and what is above the limit'

export const gcCommand = {
  command: 'gc',
  describe: DESCRIBE,
  builder: (parser) =>
    parser.usage(`$0 gc [OPTION]...\n\n${DESCRIBE}`).options({
      plan: { type: 'boolean', group: 'Options:', describe: 'only say what would be removed' },
      json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
      ...settingOptions,
    }),
  handler: gc,
} as const satisfies CommandModule

const COLUMNS: readonly Column[] = [
  { title: 'KIND' },
  { title: 'NAME', shrinksTo: 24 },
  { title: 'SIZE', align: 'right' },
  { title: 'BECAUSE', shrinksTo: 16 },
]

async function gc(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'gc', ['plan', 'json'])
  const [isPlan, isJson] = [argv['plan'] === true, argv['json'] === true]
  const victims: VictimRow[] = []
  const onRows = (rows: readonly VictimRow[]): void => void victims.push(...rows)
  const { answer, exitCode } = await runJob('gc', { isPlan }, typed, { onRows, isQuiet: isJson })
  if (isJson) {
    await print(`${JSON.stringify({ isPlan, ...answer, victims }, undefined, 2)}\n`)
  } else {
    if (victims.length > 0) {
      const rows = victims.map(({ kind, name, bytes, because }) => [
        kind,
        name,
        formatBytes(bytes),
        because,
      ])
      await print(columnsText(COLUMNS, rows, process.stdout.columns))
    }
    say(gcSentence(answer, isPlan))
  }
  process.exitCode = exitCode
}

export function gcSentence(answer: GcAnswer, isPlan: boolean): string {
  const { images, blobs, downloads, freedBytes } = answer
  const parts = [
    counted(images, 'image', 'images'),
    counted(blobs, 'blob that no image needs', 'blobs that no image needs'),
    counted(downloads, 'unfinished download', 'unfinished downloads'),
  ].filter((part) => part !== '')
  if (parts.length === 0) return isPlan ? 'nothing would be removed' : 'nothing had to be removed'
  return isPlan
    ? `would remove ${parts.join(', ')}: ${formatBytes(freedBytes)}`
    : `removed ${parts.join(', ')}: ${formatBytes(freedBytes)} freed`
}

function counted(count: number, one: string, many: string): string {
  if (count === 0) return ''
  return `${count} ${count === 1 ? one : many}`
}
