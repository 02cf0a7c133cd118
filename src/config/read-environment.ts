// REGMIRROR_* variables → what they give. An empty variable counts as not set, as compose files write it.

import { Reading } from './given.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { suggestion } from './wording.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'REGMIRROR_'
export const configFileVariable = 'REGMIRROR_CONFIG'

/** Read by the tests and their launcher, not by this program. */
const OTHERS = [
  'REGMIRROR_SEED',
  'REGMIRROR_CAMPAIGN',
  'REGMIRROR_FEATURES_ON',
  'REGMIRROR_SKIP_CLIENTS',
  'REGMIRROR_BINARY',
]
/** Kubernetes and `docker --link` set these in a container when a service is named `regmirror`. */
const SERVICE =
  /^REGMIRROR_(?:SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)?)$/

export function readEnvironment(env: Environment): Reading {
  const reading = new Reading()
  const variables = Object.keys(env).filter((name) => name.startsWith(PREFIX))
  for (const variable of variables.sort()) {
    const text = env[variable]?.trim()
    if (!text || variable === configFileVariable || isOthers(variable)) continue
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-')
    if (!isSettingName(name) || variableOf(name) !== variable) {
      reading.problems.push(unknownVariable(variable))
      continue
    }
    for (const part of splitValue(name, text)) {
      reading.add(name, { text: part, source: 'environment', origin: variable })
    }
  }
  return reading
}

export function variableOf(name: SettingName): string {
  return PREFIX + name.toUpperCase().replaceAll('-', '_')
}

function isOthers(variable: string): boolean {
  return OTHERS.includes(variable) || SERVICE.test(variable)
}

function unknownVariable(variable: string): string {
  const known = [configFileVariable, ...settingNames.map(variableOf)]
  const close = suggestion(
    variable.slice(PREFIX.length),
    known.map((name) => name.slice(PREFIX.length)),
    PREFIX,
  )
  return `${variable} is not a variable that regmirror knows${close || '.'}`
}

/** Where the next entry begins, in lists whose entries may hold separators themselves. */
const NEXT_ENTRY: Partial<Record<SettingName, RegExp>> = {
  // Passwords may hold anything, so only what looks like a registry's host begins the next login.
  credentials: /[\s,]+(?=(?:alias:)?[a-z0-9._[\]:-]*[.:][a-z0-9._[\]:-]*=)/i,
  proxy: /[\s,]+(?=(?:[^=/\s]+=)?(?:[a-z0-9]+:\/\/|none\b))/i,
}
const TAKES_SEVERAL: readonly SettingName[] = ['registry', 'client-cert', 'trusted-host', 'private']

function splitValue(name: SettingName, text: string): string[] {
  if (settingOf(name).kind !== 'list') return [text]
  const nextEntry = NEXT_ENTRY[name]
  if (nextEntry !== undefined) return text.split(nextEntry)
  // Commas inside braces belong to a glob.
  const parts = text.split(/[\s,]+(?![^{]*\})/).filter((part) => part !== '')
  return TAKES_SEVERAL.includes(name) ? joinValues(parts) : parts
}

/** Commas separate entries and the values of one alike; an entry is told by its `NAME=`. */
function joinValues(parts: readonly string[]): string[] {
  const entries: string[] = []
  for (const part of parts) {
    const isValue = !/^[^=/\s]+=/.test(part)
    if (isValue && entries.length > 0) entries.push(`${entries.pop()},${part}`)
    else entries.push(part)
  }
  return entries
}
