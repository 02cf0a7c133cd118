// Flags, environment and file → Config. The only reader of process.env.

import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { assembleConfig } from './assemble.ts'
import { checkSettings, repeatedSettings } from './check.ts'
import type { Config } from './config.ts'
import { defaultDataFolder } from './data-folder.ts'
import type { Home } from './data-folder.ts'
import { mergeReadings, Reading } from './given.ts'
import type { Effective } from './given.ts'
import { configFileVariable, readEnvironment } from './read-environment.ts'
import type { Environment } from './read-environment.ts'
import { readFile } from './read-file.ts'
import { isSettingName } from './settings.ts'
import type { SettingName } from './settings.ts'
import { quote } from './wording.ts'

const STANDARD_FILES = ['regmirror.yaml', '/etc/regmirror/regmirror.yaml']
/** Stands in beside the problem that there is none, so that the other settings are still checked. */
const NO_FOLDER = '/'

/** As typed, in order; `config` is the file's path. */
export type Flags = Readonly<Partial<Record<SettingName | 'config', readonly string[]>>>

export interface LoadedConfig {
  readonly config: Config
  /** Where each value came from. */
  readonly effective: Effective
}

/** Throws ConfigError with every problem at once, those the caller found in the flags included. */
export function loadConfig(
  flags: Flags,
  flagProblems: readonly string[] = [],
  env: Environment = process.env,
  isRoot = process.getuid?.() === 0,
): LoadedConfig {
  const home: Home = { env, isRoot }
  const given = [readFlags(flags), readEnvironment(env), readConfigFile(flags, env)]
  const hasFolder = given.some((reading) => reading.given.has('data'))
  const readings = hasFolder ? given : [...given, readDefaultFolder(home)]
  const effective = mergeReadings(readings)
  const checked = checkSettings(effective, home)
  const problems = [
    ...flagProblems,
    ...readings.flatMap((reading) => [...reading.problems, ...repeatedSettings(reading.given)]),
    ...('problems' in checked ? checked.problems : []),
  ]
  if ('problems' in checked || problems.length > 0) throw new ConfigError(problems)
  return { config: assembleConfig(checked.values, env), effective }
}

function readFlags(flags: Flags): Reading {
  const reading = new Reading()
  for (const [name, texts] of Object.entries(flags)) {
    if (!isSettingName(name)) continue
    for (const text of texts) reading.add(name, { text, source: 'flag', origin: `--${name}` })
  }
  return reading
}

function readConfigFile(flags: Flags, env: Environment): Reading {
  const named = namedFile(flags, env)
  const path = named?.path ?? STANDARD_FILES.find((file) => existsSync(file))
  if (path === undefined) return new Reading()
  try {
    return readFile(path, readFileSync(path, 'utf8'))
  } catch (error) {
    const reading = new Reading()
    const origin = named === undefined ? '' : `${named.origin}: `
    const { code = String(error) } = error as NodeJS.ErrnoException
    reading.problems.push(`${origin}the file ${quote(resolve(path))} cannot be read (${code})`)
    return reading
  }
}

function namedFile(flags: Flags, env: Environment): { path: string; origin: string } | undefined {
  const flag = flags.config?.at(-1)
  if (flag !== undefined) return { path: flag, origin: '--config' }
  const variable = env[configFileVariable]?.trim()
  return variable ? { path: variable, origin: configFileVariable } : undefined
}

function readDefaultFolder(home: Home): Reading {
  const reading = new Reading()
  const folder = defaultDataFolder(home)
  if ('problem' in folder) reading.problems.push(folder.problem)
  const text = 'value' in folder ? folder.value : NO_FOLDER
  reading.add('data', { text, source: 'default', origin: 'default' })
  return reading
}
