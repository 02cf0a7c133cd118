// Settings as yargs options, and what was typed as flags for config/load.ts.

import type { Arguments, Options } from 'yargs'
import type { Flags } from '../config/load.ts'
import { settingNames, settingOf } from '../config/settings.ts'
import type { SettingName } from '../config/settings.ts'
import { suggestion } from '../config/wording.ts'

export interface TypedFlags {
  readonly flags: Flags
  /** Behind the command. */
  readonly words: readonly string[]
  readonly problems: readonly string[]
}

const CONFIG_FILE: Options = {
  type: 'string',
  group: 'Options:',
  describe: 'FILE: settings [default: ./regmirror.yaml or /etc/regmirror/regmirror.yaml]',
}

const GENERAL = ['help', 'h', 'version', 'debug']

export const settingOptions: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(settingNames.map((name) => [name, optionOf(name)])),
  config: CONFIG_FILE,
}

/** For a command about the store: whatever `serve` takes is accepted, and only what matters is shown. */
export function storeOptions(...shown: readonly SettingName[]): Readonly<Record<string, Options>> {
  const isShown = (name: string): boolean => ['config', 'data', ...shown].includes(name)
  return Object.fromEntries(
    Object.entries(settingOptions).map(([name, option]) => [
      name,
      isShown(name) ? { ...option, group: 'Options:' } : { ...option, hidden: true },
    ]),
  )
}

/** The last line of the help of such a command. */
export const OTHERS_ACCEPTED =
  'The other options of "regmirror serve" are accepted too; its help tells them.'

function optionOf(name: SettingName): Options {
  const { kind, group, value, describe, default: text } = settingOf(name)
  // Not typed boolean: yargs would take `--offline=maybe` for false.
  if (kind === 'switch') return { group, describe }
  return {
    type: 'string',
    group,
    describe: `${value}: ${describe}${text === undefined ? '' : ` [default: ${text}]`}`,
  }
}

/** `own` are the options that only this command has, `wordsMax` how many words may follow it. */
export function readTypedFlags(
  argv: Arguments,
  command: string,
  own: readonly string[] = [],
  wordsMax = 0,
): TypedFlags {
  const settings = Object.keys(settingOptions)
  const known = [...settings, ...own, ...GENERAL]
  const flags: Partial<Record<string, string[]>> = {}
  for (const name of settings) {
    const typed: unknown = argv[name]
    if (typed !== undefined) flags[name] = (Array.isArray(typed) ? typed : [typed]).map(String)
  }
  const words = argv._.slice(1).map(String)
  const tooMany = words
    .slice(wordsMax)
    .map((word) => `"${word}" is one word too many for ${command}`)
  return { flags, words, problems: [...tooMany, ...unknownOptions(argv, known)] }
}

/** What to say when the first word is no command, or there is none. */
export function unknownWords(argv: Arguments, commands: readonly string[]): string[] {
  const [word] = argv._
  const options = unknownOptions(argv, [...Object.keys(settingOptions), ...GENERAL])
  const all = commands.join(', ')
  if (word === undefined) {
    return [...options, `name a command: ${all} (regmirror --help says what each does)`]
  }
  const text = String(word)
  const hint = suggestion(text, commands) || `: the commands are ${all}`
  return [...options, `"${text}" is not a command${hint}`]
}

function unknownOptions(argv: Arguments, known: readonly string[]): string[] {
  return Object.keys(argv)
    .filter((name) => name !== '_' && name !== '$0' && !known.includes(name))
    .map((name) => {
      if (name.length === 1) return `-${name} is not an option`
      return `--${name} is not an option${suggestion(name, known, '--')}`
    })
}
