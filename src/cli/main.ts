// The command table, and the one place where an error becomes sentences and an exit code.

import yargs, { type Arguments, type Argv } from 'yargs'
import { ConfigError } from '../errors.ts'
import { programName, version } from '../version.ts'
import { configCommand } from './config.ts'
import { credentialsCommand } from './credentials.ts'
import { explainFailure } from './failure.ts'
import { unknownWords } from './flags.ts'
import { gcCommand } from './gc.ts'
import { listCommand } from './list.ts'
import { loginCommand } from './login.ts'
import { logoutCommand } from './logout.ts'
import { lsCommand } from './ls.ts'
import { print, say, watchOutput } from './output.ts'
import { rmCommand } from './rm.ts'
import { serveCommand } from './serve.ts'
import { statsCommand } from './stats.ts'
import { verifyCommand } from './verify.ts'
import { warmCommand } from './warm.ts'

declare module 'yargs' {
  // Left out of its types.
  interface Argv {
    usageConfiguration(options: { readonly 'hide-types': boolean }): Argv
  }
}

const HELP_WIDTH_MAX = 110
const COMPLETION = 'completion'

const commands = [
  serveCommand,
  warmCommand,
  listCommand,
  lsCommand,
  rmCommand,
  gcCommand,
  verifyCommand,
  statsCommand,
  loginCommand,
  logoutCommand,
  credentialsCommand,
  configCommand,
]

/** Ends the process: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function main(argv: readonly string[]): Promise<void> {
  watchOutput()
  try {
    const parser = commandLine()
    await parser.parseAsync(argv.slice(2))
    await print('')
  } catch (error) {
    const { sentences, exitCode } = explainFailure(error)
    for (const sentence of sentences) say(sentence)
    if (argv.includes('--debug')) process.stderr.write(`${stackOf(error)}\n`)
    process.exitCode = exitCode
  }
  process.exit()
}

function commandLine(): Argv {
  const parser = yargs()
    .scriptName(programName)
    .locale('en')
    .exitProcess(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .usageConfiguration({ 'hide-types': true })
    .usage('$0 COMMAND [OPTION]...\n\nEvery container image pulled once, then served from the LAN.')
    .example([
      ['$0 serve', 'mirror every well-known registry on port 5000'],
      ['$0 serve --registry 10.0.0.5:5000=http://10.0.0.5:5000', 'one registry more'],
      ['$0 warm mirror.txt', 'fill the cache from a list of images'],
      ['$0 config', 'what would be used, and where each value comes from'],
    ])
    .epilogue(
      'Each option is also a key of regmirror.yaml and a variable: --tag-ttl, tag-ttl, REGMIRROR_TAG_TTL.\n' +
        'Flags count before variables, these before the file.',
    )
    .option('debug', { type: 'boolean', describe: 'on a failure, show where in the program' })
    .help()
    .alias('help', 'h')
    .version(version)
    // Its own checks of words and options stop at the first mistake; flags.ts says them all.
    .command('$0', false, {}, refuseWords)
    .completion(COMPLETION, 'print the completion script for bash or zsh')
    .fail((message: string | null, error: Error | undefined) => {
      if (error !== undefined && error.name !== 'YError') throw error
      throw new ConfigError([message ?? 'wrong usage'])
    })
  for (const command of commands) parser.command(command)
  // Zero where there is no terminal.
  return parser.wrap(Math.min(HELP_WIDTH_MAX, parser.terminalWidth() || HELP_WIDTH_MAX))
}

function refuseWords(argv: Arguments): void {
  // yargs runs the default command first, then prints the script.
  if (argv._[0] === COMPLETION) return
  const names = commands.map(({ command }) => command)
  throw new ConfigError(unknownWords(argv, [...names, COMPLETION]))
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return (error.stack ?? error.message) + cause
}
