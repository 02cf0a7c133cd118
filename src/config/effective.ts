// Config with the origin of every value, as YAML that reads back as the same Config, and as JSON.

import { stringify } from 'yaml'
import { formatDuration } from '../lib/units.ts'
import { formatListenAddress } from './listen-address.ts'
import type { LoadedConfig } from './load.ts'
import { registryNameOf } from './registry-entry.ts'
import type { SettingName } from './settings.ts'
import { defaultExactMs, defaultMovingMs, formatTagTtl, ttlPatternOf } from './tag-ttl.ts'

type SingleName = Exclude<SettingName, 'registry' | 'tag-ttl'>
type Single = string | boolean

interface ShownRegistry {
  /** As it is written in the file. */
  readonly name: string
  readonly endpoints: readonly string[]
  readonly origin: string
}

interface ShownTtl {
  readonly value: string
  readonly origin: string
}

const TTL_DEFAULTS = `${formatDuration(defaultMovingMs)}, and ${formatDuration(defaultExactMs)} for exact versions (1.27.3) - default`

export function effectiveAsYaml(loaded: LoadedConfig): string {
  const lines: string[] = []
  for (const [name, value] of singlesOf(loaded)) {
    lines.push(`${name}: ${plain(value)}${comment(originOf(loaded, name))}`)
  }
  lines.push(...ttlLines(loaded), 'registries:')
  for (const { name, endpoints, origin } of registriesOf(loaded)) {
    lines.push(`  ${plain(name)}:${comment(origin)}`, '    endpoints:')
    lines.push(...endpoints.map((endpoint) => `      - ${plain(endpoint)}`))
  }
  return `${lines.join('\n')}\n`
}

function ttlLines(loaded: LoadedConfig): string[] {
  const entries = ttlsOf(loaded)
  const note = hasPlainTtl(loaded) ? '' : comment(TTL_DEFAULTS)
  if (entries.length === 0) return [`tag-ttl: []${note}`]
  const items = entries.map(({ value, origin }) => `  - ${plain(value)}${comment(origin)}`)
  return [`tag-ttl:${note}`, ...items]
}

export function effectiveAsJson(loaded: LoadedConfig): unknown {
  const { movingMs, exactMs } = loaded.config.tagTtl
  const singles = singlesOf(loaded).map(([name, value]) => [
    name,
    { value, origin: originOf(loaded, name) },
  ])
  return {
    ...Object.fromEntries(singles),
    'tag-ttl': {
      moving: formatDuration(movingMs),
      exact: formatDuration(exactMs),
      entries: ttlsOf(loaded),
    },
    registries: Object.fromEntries(
      registriesOf(loaded).map(({ name, endpoints, origin }) => [name, { endpoints, origin }]),
    ),
  }
}

function singlesOf({ config }: LoadedConfig): readonly (readonly [SingleName, Single])[] {
  const { upstream } = config
  const values: Record<SingleName, Single> = {
    listen: formatListenAddress(config.listen),
    data: config.data,
    offline: config.offline,
    abandoned: config.abandoned,
    'default-registry': config.defaultRegistry,
    'stale-after': formatDuration(config.staleAfterMs),
    'upstream-connect-timeout': formatDuration(upstream.connectTimeoutMs),
    'upstream-header-timeout': formatDuration(upstream.headerTimeoutMs),
    'upstream-idle-timeout': formatDuration(upstream.idleTimeoutMs),
    'client-idle-timeout': formatDuration(config.clientIdleTimeoutMs),
    'drain-timeout': formatDuration(config.drainTimeoutMs),
    log: config.log.format,
    'log-level': config.log.level,
  }
  return Object.entries(values) as [SingleName, Single][]
}

function originOf({ effective }: LoadedConfig, name: SettingName): string {
  return effective[name][0]?.origin ?? 'default'
}

function registriesOf({ config, effective }: LoadedConfig): ShownRegistry[] {
  return [...config.registries].map(([name, { endpoints }]) => ({
    name: config.pathAliases.has(name) ? `alias:${name}` : name,
    endpoints: endpoints.map(({ href, pathname }) => (pathname === '/' ? href.slice(0, -1) : href)),
    origin:
      effective.registry.find(({ text }) => registryNameOf(text) === name)?.origin ?? 'built in',
  }))
}

/** In the order in which they count, without those that a stronger one hides. */
function ttlsOf({ config, effective }: LoadedConfig): ShownTtl[] {
  const { movingMs, patterns } = config.tagTtl
  const plainTtl = { pattern: undefined, ttlMs: movingMs }
  const entries = hasPlainTtl({ config, effective }) ? [plainTtl, ...patterns] : patterns
  return entries.map((entry) => {
    const origin = effective['tag-ttl'].find(({ text }) => ttlPatternOf(text) === entry.pattern)
    return { value: formatTagTtl(entry), origin: origin?.origin ?? 'default' }
  })
}

function hasPlainTtl({ effective }: LoadedConfig): boolean {
  return effective['tag-ttl'].some(({ text }) => ttlPatternOf(text) === undefined)
}

function plain(value: Single): string {
  return stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd()
}

function comment(origin: string): string {
  return `  # ${origin.replaceAll(/\s+/g, ' ')}`
}
