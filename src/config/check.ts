// Effective texts → values, or every sentence about what is wrong with them.

import type { Home } from './data-folder.ts'
import type { Effective, Given } from './given.ts'
import { registryNameOf } from './registry-entry.ts'
import { settingsSchema } from './schema.ts'
import type { Values } from './schema.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { canonicalRegistry, wellKnownRegistries } from './well-known.ts'
import { quote, suggestion } from './wording.ts'

export type Checked = { readonly values: Values } | { readonly problems: readonly string[] }

export function checkSettings(effective: Effective, home: Home): Checked {
  const result = settingsSchema(home).safeParse(textsOf(effective))
  const own = result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${originOf(effective, path)}: ${message}`)
  const problems = [...own, ...repeatedRegistries(effective), ...unknownDefault(effective)]
  return result.success && problems.length === 0 ? { values: result.data } : { problems }
}

function textsOf(effective: Effective): unknown {
  const entries = settingNames.map((name) => {
    const texts = effective[name].map(({ text }) => text)
    return [name, settingOf(name).kind === 'list' ? texts : texts[0]]
  })
  return Object.fromEntries(entries)
}

function originOf(effective: Effective, [name, index = 0]: readonly PropertyKey[]): string {
  const key = String(name)
  const given = isSettingName(key) ? effective[key][Number(index)] : undefined
  return given?.origin ?? key
}

/** Between sources the stronger one wins; within one, nobody can say which was meant. */
function repeatedRegistries({ registry }: Effective): string[] {
  const seen = new Set<string>()
  return registry.flatMap(({ text, source, origin }) => {
    const name = registryNameOf(text)
    const key = `${source} ${name}`
    if (name === undefined || !seen.has(key)) {
      seen.add(key)
      return []
    }
    return [`${origin}: ${name} is given twice: list its endpoints as ${name}=URL,URL`]
  })
}

function unknownDefault({ registry, 'default-registry': [given] }: Effective): string[] {
  if (given === undefined) return []
  const named = registry.flatMap(({ text }) => registryNameOf(text) ?? [])
  const known = [...wellKnownRegistries.keys(), ...named]
  const name = canonicalRegistry(given.text.toLowerCase())
  if (known.includes(name)) return []
  if (name === '') return [`${given.origin}: is empty: name a registry, such as docker.io`]
  const hint = suggestion(given.text, known) || `: add it with --registry ${name}=https://${name}`
  return [`${given.origin}: ${quote(given.text)} is not a registry named here${hint}`]
}

/** A single value that one source gives more than once. */
export function repeatedSettings(given: ReadonlyMap<SettingName, readonly Given[]>): string[] {
  return [...given].flatMap(([name, all]) => {
    const [, second] = all
    if (settingOf(name).kind === 'list' || second === undefined) return []
    return [`${second.origin}: is given ${all.length} times where one value is expected`]
  })
}
