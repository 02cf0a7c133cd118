// Flags, environment and file → Config. The only reader of process.env.

import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { HIDDEN } from '../lib/secret.ts'
import { assembleConfig } from './assemble.ts'
import { checkSettings, repeatedSettings } from './check.ts'
import { closedRegistries } from './closed-registries.ts'
import type { Config } from './config.ts'
import { defaultDataFolder, usualDataFolders } from './data-folder.ts'
import { mergeReadings, Reading } from './given.ts'
import type { Effective, Given } from './given.ts'
import { openPasswords } from './open-passwords.ts'
import type { Home } from './paths.ts'
import { readEnvironmentProxy } from './proxy.ts'
import type { EnvironmentProxyReading } from './proxy.ts'
import { configFileVariable, readEnvironment } from './read-environment.ts'
import type { Environment } from './read-environment.ts'
import { readFile } from './read-file.ts'
import type { Values } from './schema.ts'
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
  readonly values: Values
  /** Where each value came from; texts that may hold passwords are not in it. */
  readonly effective: Effective
  /** Where the store may be: the folder that was named, else the usual ones, the likeliest first. */
  readonly folders: readonly string[]
  /** The variables that `config.environmentProxy` came from. */
  readonly proxyVariables: EnvironmentProxyReading['origins']
  /** What works and is unwise all the same, a sentence each. */
  readonly warnings: readonly string[]
}

/** Throws ConfigError with every problem at once, those the caller found in the flags included. */
export function loadConfig(
  flags: Flags,
  flagProblems: readonly string[] = [],
  env: Environment = process.env,
  isRoot = process.getuid?.() === 0,
): LoadedConfig {
  const home: Home = { env, isRoot }
  const file = configFile(flags, env)
  const given = [readFlags(flags), readEnvironment(env), readConfigFile(file)]
  const hasFolder = given.some((reading) => reading.given.has('data'))
  const readings = hasFolder ? given : [...given, readDefaultFolder(home)]
  const effective = mergeReadings(readings)
  const checked = checkSettings(effective, home)
  const proxies = readEnvironmentProxy(home)
  const problems = [
    ...flagProblems,
    ...readings.flatMap((reading) => [...reading.problems, ...repeatedSettings(reading.given)]),
    ...('problems' in checked ? checked.problems : []),
    ...proxies.problems,
  ]
  if ('problems' in checked || problems.length > 0) throw new ConfigError(problems)
  const { values } = checked
  const config = assembleConfig({ values, effective, environmentProxy: proxies.proxy, env })
  return {
    config,
    values,
    effective: withoutSecrets(effective),
    folders: hasFolder ? [config.data] : usualDataFolders(home),
    proxyVariables: proxies.origins,
    warnings: [
      ...openPasswords(file?.path, values, effective),
      ...closedRegistries(config.registries),
    ],
  }
}

function withoutSecrets(effective: Effective): Effective {
  const hide = (given: Given): Given => ({ ...given, text: HIDDEN })
  return {
    ...effective,
    credentials: effective.credentials.map(hide),
    proxy: effective.proxy.map(hide),
  }
}

function readFlags(flags: Flags): Reading {
  const reading = new Reading()
  for (const [name, texts] of Object.entries(flags)) {
    if (!isSettingName(name)) continue
    for (const text of texts) reading.add(name, { text, source: 'flag', origin: `--${name}` })
  }
  return reading
}

interface ConfigFile {
  readonly path: string
  /** Undefined where it was found unasked. */
  readonly origin: string | undefined
}

function configFile(flags: Flags, env: Environment): ConfigFile | undefined {
  const flag = flags.config?.at(-1)
  if (flag !== undefined) return { path: flag, origin: '--config' }
  const variable = env[configFileVariable]?.trim()
  if (variable) return { path: variable, origin: configFileVariable }
  const path = STANDARD_FILES.find((file) => existsSync(file))
  return path === undefined ? undefined : { path, origin: undefined }
}

function readConfigFile(file: ConfigFile | undefined): Reading {
  if (file === undefined) return new Reading()
  try {
    return readFile(file.path, readFileSync(file.path, 'utf8'))
  } catch (error) {
    const reading = new Reading()
    const origin = file.origin === undefined ? '' : `${file.origin}: `
    const { code = String(error) } = error as NodeJS.ErrnoException
    reading.problems.push(`${origin}the file ${quote(resolve(file.path))} cannot be read (${code})`)
    return reading
  }
}

function readDefaultFolder(home: Home): Reading {
  const reading = new Reading()
  const folder = defaultDataFolder(home)
  if ('problem' in folder) reading.problems.push(folder.problem)
  const text = 'value' in folder ? folder.value : NO_FOLDER
  reading.add('data', { text, source: 'default', origin: 'default' })
  return reading
}
