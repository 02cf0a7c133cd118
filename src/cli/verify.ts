// `regmirror verify`: looks at everything that is stored, and takes what is bad out of service.

import type { Arguments, CommandModule } from 'yargs'
import type { BadRow, VerifyAnswer } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { print, say } from './output.ts'
import { runJob } from './run-job.ts'

const DESCRIBE = 'check what is stored; what is bad is fetched again at the next pull'

export const verifyCommand = {
  command: 'verify',
  describe: DESCRIBE,
  builder: (parser) =>
    parser.usage(`$0 verify [OPTION]...\n\n${DESCRIBE}`).options({
      deep: { type: 'boolean', group: 'Options:', describe: 'hash every byte, not only sizes' },
      json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
      ...settingOptions,
    }),
  handler: verify,
} as const satisfies CommandModule

const COLUMNS: readonly Column[] = [
  { title: 'DIGEST', shrinksTo: 19 },
  { title: 'DONE' },
  { title: 'FOUND', shrinksTo: 16 },
]

async function verify(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'verify', ['deep', 'json'])
  const [isDeep, isJson] = [argv['deep'] === true, argv['json'] === true]
  const findings: BadRow[] = []
  const onRows = (rows: readonly BadRow[]): void => void findings.push(...rows)
  const shown = { onRows, isQuiet: isJson }
  const { answer, exitCode } = await runJob('verify', { isDeep }, typed, shown)
  if (isJson) {
    await print(`${JSON.stringify({ isDeep, ...answer, findings }, undefined, 2)}\n`)
  } else {
    if (findings.length > 0) {
      const rows = findings.map(({ digest, done, found }) => [digest, done, found])
      await print(columnsText(COLUMNS, rows, process.stdout.columns))
    }
    say(verifySentence(answer, isDeep))
  }
  process.exitCode = exitCode === 0 && answer.bad > 0 ? 1 : exitCode
}

export function verifySentence({ blobs, bytes, bad }: VerifyAnswer, isDeep: boolean): string {
  const how = isDeep ? 'by its content' : 'by its size (--deep hashes every byte)'
  const checked = `checked ${blobs} ${blobs === 1 ? 'blob' : 'blobs'} (${formatBytes(bytes)}) ${how}`
  if (bad === 0) return `${checked}: all is well`
  return `${checked}: ${bad} bad, taken out of service and fetched again when pulled`
}
