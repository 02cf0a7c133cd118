// `regmirror verify`: looks at everything that is stored, and takes what is bad out of service.

import type { Arguments, CommandModule } from 'yargs'
import type { VerifyAnswer, VerifyAsk } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'
import { withShortDigest } from './columns.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import { runReport } from './report.ts'
import type { Report } from './report.ts'
import type { JobDone } from './run-job.ts'

const DESCRIBE = 'check what is stored; what is bad is fetched again at the next pull'

export const verifyCommand = {
  command: 'verify',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 verify [OPTION]...\n\n${DESCRIBE}`)
      .options({
        deep: { type: 'boolean', group: 'Options:', describe: 'hash every byte, not only sizes' },
        json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
        ...storeOptions(),
      })
      .epilogue(OTHERS_ACCEPTED),
  handler: verify,
} as const satisfies CommandModule

const REPORT: Report<'verify'> = {
  rowsName: 'findings',
  columns: [{ title: 'DIGEST' }, { title: 'DONE' }, { title: 'FOUND', shrinksTo: 16 }],
  cells: ({ digest, done, found }, isShort) => [
    isShort ? withShortDigest(digest) : digest,
    done,
    found,
  ],
  sentence: verifySentence,
}

async function verify(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'verify', ['deep', 'json'])
  const ask = { isDeep: argv['deep'] === true }
  const report = await runReport('verify', ask, typed, argv['json'] === true, REPORT)
  const { answer, exitCode } = report
  process.exitCode = exitCode === 0 && answer.bad > 0 ? 1 : exitCode
}

export function verifySentence(
  { answer, isInterrupted }: Pick<JobDone<VerifyAnswer>, 'answer' | 'isInterrupted'>,
  { isDeep }: VerifyAsk,
): string {
  const { blobs, bytes, bad } = answer
  const count = `${blobs} ${blobs === 1 ? 'blob' : 'blobs'}`
  const whose = blobs === 1 ? 'its' : 'their'
  if (isInterrupted) {
    const found = bad === 0 ? 'none bad so far' : `${bad} bad so far, taken out of service`
    return `interrupted after ${count}: ${found}`
  }
  const how = isDeep ? `by ${whose} content` : `by ${whose} size (--deep hashes every byte)`
  const checked = `checked ${count} (${formatBytes(bytes)}) ${how}`
  if (bad === 0) return `${checked}: all is well`
  return `${checked}: ${bad} bad, taken out of service and fetched again when pulled`
}
