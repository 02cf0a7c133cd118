// `regmirror rm`: removes images from the cache.

import type { Arguments, CommandModule } from 'yargs'
import type { RmAnswer } from '../care/jobs.ts'
import { ConfigError } from '../errors.ts'
import { formatBytes } from '../lib/units.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { say } from './output.ts'
import { runJob } from './run-job.ts'

const DESCRIBE = 'remove images from the cache'

export const rmCommand = {
  command: 'rm',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 rm REF... [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 rm nginx:1.25 ghcr.io/org/app@sha256:...', 'a tag, a manifest by its digest'],
        [`$0 rm 'nginx:*' 'ghcr.io/org/*'`, 'every tag of one repository, every image of many'],
      ])
      .options(settingOptions),
  handler: rm,
} as const satisfies CommandModule

async function rm(argv: Arguments): Promise<void> {
  const { words: references, ...typed } = readTypedFlags(argv, 'rm', [], Infinity)
  if (references.length === 0) {
    throw new ConfigError([
      ...typed.problems,
      'name what is to be removed: regmirror rm nginx:1.25',
    ])
  }
  const { answer, exitCode } = await runJob('rm', { references }, typed)
  for (const sentence of rmSentences(answer)) say(sentence)
  process.exitCode = exitCode === 0 && answer.unknown.length > 0 ? 1 : exitCode
}

export function rmSentences({ removed, unknown }: RmAnswer): readonly string[] {
  const freedBytes = removed.reduce((sum, each) => sum + each.freedBytes, 0)
  return [
    ...removed.map((each) => `removed ${each.reference} (${formatBytes(each.freedBytes)} freed)`),
    ...(removed.length > 1 ? [`${removed.length} removed, ${formatBytes(freedBytes)} freed`] : []),
    ...unknown.map(({ reference, suggestion }) => {
      const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
      return `${reference} is not cached${hint}`
    }),
  ]
}
