// Effective texts → values, or every sentence about what is wrong with them.

import { contradictions } from './contradictions.ts'
import type { Effective, Given } from './given.ts'
import type { Home } from './paths.ts'
import { settingsSchema } from './schema.ts'
import type { Values } from './schema.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { registryProblems } from './which-registries.ts'

export type Checked = { readonly values: Values } | { readonly problems: readonly string[] }

export function checkSettings(effective: Effective, home: Home): Checked {
  const result = settingsSchema(home).safeParse(textsOf(effective))
  const own = result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${originOf(effective, path)}: ${message}`)
  const problems = [...own, ...registryProblems(effective), ...contradictions(effective)]
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

/** A single value that one source gives more than once. */
export function repeatedSettings(given: ReadonlyMap<SettingName, readonly Given[]>): string[] {
  return [...given].flatMap(([name, all]) => {
    const [, second] = all
    if (settingOf(name).kind === 'list' || second === undefined) return []
    return [`${second.origin}: is given ${all.length} times where one value is expected`]
  })
}
