// `regmirror list`: what helps people who keep lists of images.

import type { Arguments, Argv, CommandModule } from 'yargs'
import { ConfigError } from '../errors.ts'
import { listExplainCommand } from './list-explain.ts'
import { listFmtCommand } from './list-fmt.ts'
import { listLintCommand } from './list-lint.ts'

const DESCRIBE = 'format, check or explain a list of images'
const commands: readonly (CommandModule & { readonly command: string })[] = [
  listFmtCommand,
  listLintCommand,
  listExplainCommand,
]

export const listCommand = {
  command: 'list',
  describe: DESCRIBE,
  builder: (parser) => {
    parser.usage(`$0 list COMMAND LIST... [OPTION]...\n\n${DESCRIBE}`)
    return commands.reduce((all: Argv, command) => all.command(withoutName(command)), parser)
  },
  handler: refuseWords,
} as const satisfies CommandModule

/** What `list` stands before is a command with words of its own. */
function withoutName({ handler, ...command }: CommandModule): CommandModule {
  return { ...command, handler: (argv) => handler({ ...argv, _: argv._.slice(1) }) }
}

function refuseWords({ _: [, word] }: Arguments): void {
  const names = commands.map(({ command }) => command)
  const all = names.join(', ')
  if (word === undefined) {
    throw new ConfigError([`name what to do: ${all} (regmirror list --help says what each does)`])
  }
  throw new ConfigError([`"${String(word)}" is no command of list: there are ${all}`])
}
