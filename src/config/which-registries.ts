// Whether the registries that settings name are there, and are named once.

import type { Effective, Given } from './given.ts'
import { parseHostAlias } from './host-alias.ts'
import { parseProxy } from './proxy.ts'
import { isHost, registryNameOf } from './registry-entry.ts'
import { optionNames, splitOption, traitsOf } from './registry-options.ts'
import type { OptionName } from './registry-options.ts'
import { canonicalRegistry, wellKnownRegistries } from './well-known.ts'
import { hideLogins, quote, suggestion } from './wording.ts'

export function registryProblems(effective: Effective): string[] {
  const named = effective.registry.flatMap(({ text }) => registryNameOf(text) ?? [])
  const known = [...wellKnownRegistries.keys(), ...named]
  return [
    ...repeatedRegistries(effective),
    ...repeatedHosts(effective),
    ...optionNames.flatMap((option) => repeatedOptions(effective, option, known)),
    ...unknownDefault(effective, known),
    ...unknownAliases(effective, known),
    ...unknownOptions(effective, known),
  ]
}

/** Between sources the stronger one wins; within one, nobody can say which was meant. */
function repeatedRegistries({ registry }: Effective): string[] {
  return repeated(registry, ({ text }) => registryNameOf(text)).map(
    ({ origin, key }) => `${origin}: ${key} is given twice: list its endpoints as ${key}=URL,URL`,
  )
}

function repeatedHosts({ alias }: Effective): string[] {
  const hostOf = ({ text }: Given): string | undefined => aliasOf(text)?.host
  return repeated(alias, hostOf).map(
    ({ origin, key }) => `${origin}: ${key} is given twice, and can stand for one registry only`,
  )
}

function repeatedOptions(
  effective: Effective,
  option: OptionName,
  known: readonly string[],
): string[] {
  const { addsUp, holdsForAll, isSecret } = traitsOf(option)
  if (addsUp) return []
  const subjectOf = ({ text }: Given): string | undefined => {
    const { registry } = splitOption(option, text)
    if (registry === undefined) return holdsForAll ? 'every registry' : undefined
    return isSecret && !known.includes(registry) ? undefined : registry
  }
  return repeated(effective[option], subjectOf).map(
    ({ origin, key }) => `${origin}: is given twice for ${key}, where one value is expected`,
  )
}

/** What has the same key as an earlier one of the same source. */
function repeated(
  all: readonly Given[],
  keyOf: (given: Given) => string | undefined,
): { readonly origin: string; readonly key: string }[] {
  const seen = new Set<string>()
  return all.flatMap((given) => {
    const key = keyOf(given)
    const sourced = `${given.source} ${key}`
    if (key === undefined || !seen.has(sourced)) {
      seen.add(sourced)
      return []
    }
    return [{ origin: given.origin, key }]
  })
}

function unknownDefault(
  { 'default-registry': [given] }: Effective,
  known: readonly string[],
): string[] {
  if (given === undefined) return []
  const name = canonicalRegistry(given.text.toLowerCase())
  if (known.includes(name)) return []
  if (name === '') return [`${given.origin}: is empty: name a registry, such as docker.io`]
  return [unknown(given.origin, given.text, name, known)]
}

function unknownAliases({ alias }: Effective, known: readonly string[]): string[] {
  return alias.flatMap(({ text, origin }) => {
    const { host, registry } = aliasOf(text) ?? {}
    if (host === undefined || registry === undefined) return []
    const shadowed = known.includes(host)
      ? [`${origin}: ${host} is a registry itself and cannot stand for ${hideLogins(registry)}`]
      : []
    const missing = known.includes(registry) ? [] : [unknown(origin, registry, registry, known)]
    return [...shadowed, ...missing]
  })
}

/** A registry of which one source says several things is complained of once. */
function unknownOptions(effective: Effective, known: readonly string[]): string[] {
  const complained = new Set<string>()
  return optionNames.flatMap((option) =>
    effective[option].flatMap(({ text, source, origin }) => {
      const { registry: name, value } = splitOption(option, text)
      if (name === undefined || known.includes(name)) return []
      if (complained.has(`${source} ${name}`)) return []
      complained.add(`${source} ${name}`)
      const isTold = origin.toLowerCase().includes(name)
      if (traitsOf(option).isSecret && !isTold && !isName(option, name, value, known)) {
        return [
          `${origin}: names a registry that is not named here (not repeated: it may be a piece of ` +
            `a password)${suggestion(name, known)}`,
        ]
      }
      return [unknown(origin, name, name, known)]
    }),
  )
}

/** Or else it may be a piece of a password that holds a separator. */
function isName(option: OptionName, name: string, value: string, known: readonly string[]) {
  if (!isHost(name)) return false
  return option === 'proxy' ? 'value' in parseProxy(value) : suggestion(name, known) !== ''
}

function aliasOf(text: string) {
  const alias = parseHostAlias(text)
  return 'value' in alias ? alias.value : undefined
}

function unknown(origin: string, found: string, name: string, known: readonly string[]): string {
  const remedy = isHost(name) ? `: add it with --registry ${name}=https://${name}` : ''
  const hint = suggestion(found, known) || remedy
  return `${origin}: ${quote(found)} is not a registry named here${hint}`
}
