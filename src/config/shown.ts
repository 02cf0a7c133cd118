// What is in effect, as texts with their origins and without secrets: what `regmirror config` prints.

import { formatDuration, formatSize } from '../lib/units.ts'
import { showCredentials } from './credentials-source.ts'
import { formatListenAddress } from './listen-address.ts'
import type { LoadedConfig } from './load.ts'
import { formatProxy } from './proxy.ts'
import { registryNameOf } from './registry-entry.ts'
import { optionNames, saidOf } from './registry-options.ts'
import type { OptionName, OptionValues } from './registry-options.ts'
import type { SettingName } from './settings.ts'
import { formatSpan } from './space.ts'
import { formatTagTtl, ttlPatternOf } from './tag-ttl.ts'

export type ShownValue =
  string | number | boolean | readonly string[] | Readonly<Record<string, string>>

export interface Shown {
  /** As in regmirror.yaml. */
  readonly key: string
  readonly value: ShownValue
  readonly origin: string
}

export interface ShownRegistry {
  /** As it is written in the file. */
  readonly name: string
  readonly endpoints: readonly string[]
  readonly origin: string
  readonly options: readonly Shown[]
}

/** Lists that are shown in their own way. */
type ListName = OptionName | 'registry' | 'tag-ttl' | 'alias'

export function singleSettings(loaded: LoadedConfig): readonly Shown[] {
  const { config, values } = loaded
  const { upstream, tls, space } = config
  const files = tls?.kind === 'files' ? tls : undefined
  const singles: Record<Exclude<SettingName, ListName>, ShownValue | undefined> = {
    listen: formatListenAddress(config.listen),
    // The files say it all, and `off` beside them would be a contradiction.
    tls: files === undefined ? values.tls : undefined,
    'tls-name': values['tls-name'].length > 0 ? values['tls-name'] : undefined,
    'tls-cert': files?.certificateFile,
    'tls-key': files?.keyFile,
    data: config.data,
    offline: config.offline,
    abandoned: config.abandoned,
    catalog: config.catalog,
    sendfile: config.sendfile,
    allow: config.allow,
    block: config.block,
    'max-size': space.maxBytes === undefined ? 'none' : formatSize(space.maxBytes),
    'min-free': space.minFreeBytes === undefined ? undefined : formatSize(space.minFreeBytes),
    'keep-untagged': formatSpan(space.keepUntaggedMs, 'forever'),
    scrub: formatSpan(space.scrubMs, 'off'),
    warm: config.warm?.file,
    'warm-at': config.warm?.at,
    'default-registry': config.defaultRegistry,
    'base-domain': values['base-domain'],
    'docker-config': config.dockerConfig,
    'stale-after': formatDuration(config.staleAfterMs),
    'upstream-connect-timeout': formatDuration(upstream.connectTimeoutMs),
    'upstream-header-timeout': formatDuration(upstream.headerTimeoutMs),
    'upstream-idle-timeout': formatDuration(upstream.idleTimeoutMs),
    'client-idle-timeout': formatDuration(config.clientIdleTimeoutMs),
    'drain-timeout': formatDuration(config.drainTimeoutMs),
    log: config.log.format,
    'log-level': config.log.level,
  }
  return Object.entries(singles).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value, origin: originOf(loaded, key as SettingName) }],
  )
}

function originOf({ effective }: LoadedConfig, name: SettingName): string {
  return effective[name][0]?.origin ?? 'default'
}

/** In the order in which they count, without those that a stronger one hides. */
export function tagTtls(loaded: LoadedConfig): readonly Shown[] {
  const { movingMs, patterns } = loaded.config.tagTtl
  const plainTtl = { pattern: undefined, ttlMs: movingMs }
  const entries = hasPlainTtl(loaded) ? [plainTtl, ...patterns] : patterns
  return entries.map((entry) => {
    const given = loaded.effective['tag-ttl'].find(
      ({ text }) => ttlPatternOf(text) === entry.pattern,
    )
    return { key: 'tag-ttl', value: formatTagTtl(entry), origin: given?.origin ?? 'default' }
  })
}

export function hasPlainTtl({ effective }: LoadedConfig): boolean {
  return effective['tag-ttl'].some(({ text }) => ttlPatternOf(text) === undefined)
}

/** Those of the operator; the base domain's follow from it. */
export function hostAliases({ values, effective }: LoadedConfig): readonly Shown[] {
  const all = values.alias.map(({ host, registry }, index) => ({
    key: host,
    value: registry,
    origin: effective.alias[index]?.origin ?? '',
  }))
  return all.filter(({ key }, index) => all.findIndex((other) => other.key === key) === index)
}

/** What is said of one registry, or of all that are not named. */
export function optionsOf(loaded: LoadedConfig, registry: string | undefined): readonly Shown[] {
  return optionNames.flatMap((option) => optionOf(loaded, option, registry) ?? [])
}

function optionOf<Name extends OptionName>(
  { values, effective }: LoadedConfig,
  option: Name,
  registry: string | undefined,
): Shown | undefined {
  const said = saidOf(values, effective, option, registry)
  if (said === undefined) return undefined
  const { key, show } = shownOptions[option]
  return { key, value: show(said.values), origin: said.origin }
}

type Several<T> = readonly [T, ...T[]]

const shownOptions: {
  readonly [Name in OptionName]: {
    readonly key: string
    readonly show: (values: Several<OptionValues[Name]>) => ShownValue
  }
} = {
  'registry-listen': { key: 'listen', show: ([address]) => formatListenAddress(address) },
  'literal-names': { key: 'literal-names', show: ([isOn]) => isOn },
  proxy: { key: 'proxy', show: ([proxy]) => formatProxy(proxy) },
  ca: { key: 'ca', show: (files) => files.map(({ file }) => file) },
  'client-cert': {
    key: 'client-cert',
    show: ([{ certificate, key }]) => [certificate.file, key.file],
  },
  insecure: { key: 'insecure', show: ([isOn]) => isOn },
  ip: { key: 'ip', show: ([family]) => family },
  segments: { key: 'segments', show: ([count]) => count },
  credentials: { key: 'credentials', show: ([given]) => showCredentials(given) },
  'trusted-host': { key: 'trusted-hosts', show: (hosts) => hosts.flat() },
  private: { key: 'private', show: ([policy]) => policy },
}

export function registries(loaded: LoadedConfig): readonly ShownRegistry[] {
  const { config, effective } = loaded
  return Array.from(config.registries, ([name, { endpoints }]) => ({
    name: config.pathAliases.has(name) ? `alias:${name}` : name,
    endpoints: endpoints.map(({ href, pathname }) => (pathname === '/' ? href.slice(0, -1) : href)),
    origin:
      effective.registry.find(({ text }) => registryNameOf(text) === name)?.origin ?? 'built in',
    options: optionsOf(loaded, name),
  }))
}

/** Not settings: what the environment says to every program. */
export function environmentProxies({ config, proxyVariables }: LoadedConfig): readonly Shown[] {
  const { http, https, noProxy } = config.environmentProxy
  const all = [
    { key: 'http', value: http && formatProxy(http), origin: proxyVariables.http },
    { key: 'https', value: https && formatProxy(https), origin: proxyVariables.https },
    { key: 'no-proxy', value: noProxy, origin: proxyVariables.noProxy },
  ]
  return all.flatMap(({ key, value, origin }) => (value && origin ? [{ key, value, origin }] : []))
}
