// `regmirror list explain`: which images each line of a list stands for, and why not others.

import type { CommandModule } from 'yargs'
import { OTHERS_ACCEPTED, storeOptions } from './flags.ts'
import { warmOptions } from './warm-options.ts'

const DESCRIBE = 'say which images each line stands for, and why not others'

export const listExplainCommand = {
  command: 'explain',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 list explain LIST | - | REF... [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 list explain mirror.txt', 'what "regmirror warm mirror.txt" would do, line by line'],
        [`$0 list explain 'redis:7.* newest=2'`, 'a line to try out'],
      ])
      .options({
        platform: warmOptions.platform,
        json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of tables' },
        ...storeOptions('registry', 'default-registry'),
      })
      .epilogue(
        `Exit codes:
  0    every line stands for what it should
  1    a line fails: what it stands for is not there, too little or too much
  2    the list or the command is wrong
  3    nobody could be asked
  130  interrupted

${OTHERS_ACCEPTED}`,
      ),
  handler: async (argv) => {
    const { explain } = await import('./list-explain-handler.ts')
    await explain(argv)
  },
} as const satisfies CommandModule
