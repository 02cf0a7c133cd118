// `regmirror list lint`: what is wrong with a list, and what is understood and hardly meant so.

import type { CommandModule } from 'yargs'
import { OTHERS_ACCEPTED, storeOptions } from './flags.ts'
import { warmOptions } from './warm-options.ts'

const DESCRIBE = 'find what is wrong or superfluous in lists'
const flag = (describe: string) => ({ type: 'boolean', group: 'Options:', describe }) as const

export const listLintCommand = {
  command: 'lint',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 list lint FILE... | - [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 list lint mirror.txt', 'wrong and renamed names, duplicates, lines others cover'],
        ['$0 list lint --fix mirror.txt', 'put right what is clear'],
        ['$0 list lint --online mirror.txt', 'ask the registries, too, whether all of it exists'],
      ])
      .options({
        fix: flag('put right in the file what has one remedy'),
        online: flag('ask upstream for every repository and tag, and fetch nothing'),
        platform: warmOptions.platform,
        json: flag('as JSON instead of lines'),
        ...storeOptions('registry', 'default-registry', 'alias', 'allow', 'block'),
      })
      .epilogue(
        `Exit codes:
  0    nothing was found
  1    something was found, and is printed
  2    a list cannot be read, or the command is wrong
  3    --online: not everything could be asked; --fix: a list could not be written
  130  interrupted

${OTHERS_ACCEPTED}`,
      ),
  handler: async (argv) => {
    const { lint } = await import('./list-lint-handler.ts')
    await lint(argv)
  },
} as const satisfies CommandModule
