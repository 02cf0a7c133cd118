// `regmirror rm`: removes images from the cache.

import type { Arguments, CommandModule } from 'yargs'
import type { RmAnswer, UnknownImage } from '../care/jobs.ts'
import { ConfigError } from '../errors.ts'
import { formatBytes } from '../lib/units.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
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
        ['$0 rm nginx@sha256:49b7d7582646', 'by the beginning of its digest, as ls shows it'],
        [`$0 rm 'nginx:*' 'ghcr.io/org/*'`, 'every tag of one repository, every image of many'],
        [
          `$0 rm 'ghcr.io/**'`,
          'all of a registry: * stays within one part of a name, ** crosses /',
        ],
      ])
      .options(storeOptions('default-registry', 'alias'))
      .epilogue(OTHERS_ACCEPTED),
  handler: rm,
} as const satisfies CommandModule

async function rm(argv: Arguments): Promise<void> {
  const { words: references, ...typed } = readTypedFlags(argv, 'rm', [], Infinity)
  if (references.length === 0 || references.some((each) => each.trim() === '')) {
    const problem =
      references.length === 0
        ? 'name what is to be removed: regmirror rm nginx:1.25'
        : 'an empty name names no image: nothing was removed'
    throw new ConfigError([...typed.problems, problem])
  }
  const { answer, exitCode, isInterrupted } = await runJob('rm', { references }, typed)
  for (const sentence of rmSentences(answer)) say(sentence)
  if (isInterrupted) say(`interrupted: ${answer.removed.length} removed until then`)
  process.exitCode = exitCode === 0 && answer.unknown.length > 0 ? 1 : exitCode
}

export function rmSentences({ removed, unknown }: RmAnswer): readonly string[] {
  const freedBytes = removed.reduce((sum, each) => sum + each.freedBytes, 0)
  return [
    ...removed.map((each) => `removed ${each.reference} (${formatBytes(each.freedBytes)} freed)`),
    ...(removed.length > 1 ? [`${removed.length} removed, ${formatBytes(freedBytes)} freed`] : []),
    ...unknown.map(unknownSentence),
  ]
}

function unknownSentence({ reference, is, held }: UnknownImage): string {
  switch (is) {
    case 'not-held':
      return `${reference} is not cached${held.length > 0 ? `; did you mean ${orOf(held)}?` : ''}`
    case 'unmatched':
      return `nothing cached matches '${reference}'`
    case 'ambiguous':
      return `${reference} may mean ${orOf(held)}: give more of the digest`
    case 'too-short':
      return `${reference} may mean many images: give 12 digits of the digest or more`
  }
}

function orOf(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} or ${last}`
}
