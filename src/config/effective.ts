// What is in effect, as YAML that reads back as the same Config, and as JSON.

import { stringify } from 'yaml'
import { formatDuration } from '../lib/units.ts'
import type { LoadedConfig } from './load.ts'
import {
  environmentProxies,
  hasPlainTtl,
  hostAliases,
  optionsOf,
  registries,
  singleSettings,
  tagTtls,
} from './shown.ts'
import type { Shown, ShownRegistry } from './shown.ts'
import { defaultExactMs, defaultMovingMs } from './tag-ttl.ts'

const TTL_DEFAULTS = `${formatDuration(defaultMovingMs)}, and ${formatDuration(defaultExactMs)} for exact versions (1.27.3) - default`

export function effectiveAsYaml(loaded: LoadedConfig): string {
  const aliases = hostAliases(loaded)
  const lines = [
    ...singleSettings(loaded).flatMap(yamlLines),
    ...ttlLines(loaded),
    // Of the environment, so there is no key to read it back by.
    ...environmentProxies(loaded).map(
      ({ key, value, origin }) => `# environment-proxy.${key}: ${plain(value)}${comment(origin)}`,
    ),
    ...optionsOf(loaded, undefined).flatMap(yamlLines),
    ...(aliases.length === 0 ? [] : ['aliases:', ...indented(aliases.flatMap(yamlLines))]),
    'registries:',
    ...indented(registries(loaded).flatMap(registryLines)),
  ]
  return `${lines.join('\n')}\n`
}

function ttlLines(loaded: LoadedConfig): readonly string[] {
  const entries = tagTtls(loaded)
  const note = hasPlainTtl(loaded) ? '' : comment(TTL_DEFAULTS)
  if (entries.length === 0) return [`tag-ttl: []${note}`]
  const items = entries.map(({ value, origin }) => `  - ${plain(value)}${comment(origin)}`)
  return [`tag-ttl:${note}`, ...items]
}

function registryLines({ name, origin, endpoints, options }: ShownRegistry): readonly string[] {
  const listed = endpoints.map((endpoint) => `  - ${plain(endpoint)}`)
  const below = ['endpoints:', ...listed, ...options.flatMap(yamlLines)]
  return [`${plain(name)}:${comment(origin)}`, ...indented(below)]
}

function yamlLines({ key, value, origin }: Shown): readonly string[] {
  if (typeof value !== 'object') return [`${plain(key)}: ${plain(value)}${comment(origin)}`]
  const items = Array.isArray(value)
    ? value.map((item: string) => `- ${plain(item)}`)
    : Object.entries(value).map(([word, text]) => `${word}: ${plain(text)}`)
  return [`${plain(key)}:${comment(origin)}`, ...indented(items)]
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}

export function effectiveAsJson(loaded: LoadedConfig): unknown {
  const { movingMs, exactMs } = loaded.config.tagTtl
  return {
    ...byKey(singleSettings(loaded)),
    'tag-ttl': {
      moving: formatDuration(movingMs),
      exact: formatDuration(exactMs),
      entries: tagTtls(loaded).map(({ value, origin }) => ({ value, origin })),
    },
    'environment-proxy': byKey(environmentProxies(loaded)),
    ...byKey(optionsOf(loaded, undefined)),
    aliases: byKey(hostAliases(loaded)),
    registries: Object.fromEntries(
      registries(loaded).map(({ name, endpoints, origin, options }) => [
        name,
        { endpoints, origin, ...byKey(options) },
      ]),
    ),
  }
}

function byKey(all: readonly Shown[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(all.map(({ key, value, origin }) => [key, { value, origin }]))
}

function plain(value: unknown): string {
  return stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd()
}

function comment(origin: string): string {
  return `  # ${origin.replaceAll(/\s+/g, ' ')}`
}
