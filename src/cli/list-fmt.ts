// `regmirror list fmt`: lists in one form, sorted, each line once.

import type { CommandModule } from 'yargs'
import { OTHERS_ACCEPTED, storeOptions } from './flags.ts'

const DESCRIBE = 'sort lists and write each line in one form, once'

export const listFmtCommand = {
  command: 'fmt',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 list fmt FILE... | - [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 list fmt mirror.txt', 'in its place; comments stay with the lines they are above'],
        ['$0 list fmt --check *.txt', 'for a hook: print what would change'],
        ['$0 list fmt - < mirror.txt', 'to stdout'],
      ])
      .options({
        check: {
          type: 'boolean',
          group: 'Options:',
          describe: 'change nothing; print what would be changed (exit code 1: there is something)',
        },
        ...storeOptions('registry', 'default-registry', 'alias'),
      })
      .epilogue(
        `Exit codes:
  0    every list is in form
  1    --check: one is not
  2    a list cannot be read or is wrong, or the command is; nothing was changed
  3    a list could not be written

${OTHERS_ACCEPTED}`,
      ),
  handler: async (argv) => {
    const { fmt } = await import('./list-fmt-handler.ts')
    await fmt(argv)
  },
} as const satisfies CommandModule
