// Checked values → the Config that the rest of the program gets.

import { plainRegistry } from './config.ts'
import type { Config, EnvironmentProxy, RegistryConfig, TlsConfig } from './config.ts'
import { usualDataFolders } from './data-folder.ts'
import type { Effective } from './given.ts'
import type { Environment } from './read-environment.ts'
import { saidOf } from './registry-options.ts'
import type { OptionName, OptionValues } from './registry-options.ts'
import type { Values } from './schema.ts'
import { combineTagTtl } from './tag-ttl.ts'
import {
  canonicalRegistry,
  wellKnownAliases,
  wellKnownRegistries,
  wellKnownSubdomains,
} from './well-known.ts'

export interface Parts {
  readonly values: Values
  readonly effective: Effective
  readonly environmentProxy: EnvironmentProxy
  readonly env: Environment
}

export function assembleConfig(parts: Parts): Config {
  const { values, environmentProxy, env } = parts
  const registries = registriesOf(parts)
  const pathAliases = new Map(
    values.registry.filter((entry) => entry.isPathAlias).map(({ name }) => [name, name]),
  )
  const hosts = hostsOf(values, pathAliases)
  return deepFreeze({
    listen: values.listen,
    registryListeners: [...registries.keys()].flatMap((registry) => {
      const [address] = saidOfRegistry(parts, 'registry-listen', registry) ?? []
      return address === undefined ? [] : [{ registry, ...address }]
    }),
    tls: tlsOf(values),
    data: values.data,
    isDataUsual: usualDataFolders(parts).includes(values.data),
    registries,
    defaultRegistry: canonicalRegistry(values['default-registry'].toLowerCase()),
    aliases: new Map([...wellKnownAliases, ...hosts]),
    pathAliases,
    hosts,
    allow: values.allow,
    block: values.block,
    catalog: values.catalog,
    sendfile: values.sendfile,
    environmentProxy,
    dockerConfig: values['docker-config'],
    tagTtl: combineTagTtl(values['tag-ttl']),
    staleAfterMs: values['stale-after'],
    offline: values.offline,
    abandoned: values.abandoned,
    upstream: {
      connectTimeoutMs: values['upstream-connect-timeout'],
      headerTimeoutMs: values['upstream-header-timeout'],
      idleTimeoutMs: values['upstream-idle-timeout'],
    },
    space: {
      maxBytes: values['max-size']?.bytes,
      minFreeBytes: values['min-free'],
      keepUntaggedMs: values['keep-untagged'],
      scrubMs: values.scrub,
    },
    warm: values.warm === undefined ? undefined : { file: values.warm, at: values['warm-at'] },
    clientIdleTimeoutMs: values['client-idle-timeout'],
    drainTimeoutMs: values['drain-timeout'],
    log: { format: values.log, level: values['log-level'], color: !env['NO_COLOR'] },
    runtimeFolder: env['XDG_RUNTIME_DIR'] || undefined,
    isTerminalDumb: env['TERM'] === 'dumb' || Boolean(env['CI']),
    isLocaleUtf8: /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
  })
}

/** Entries come strongest first: the first of a name stands, in the place of a built-in one. */
function registriesOf(parts: Parts): Map<string, RegistryConfig> {
  const endpoints = new Map<string, readonly URL[]>()
  for (const [name, url] of wellKnownRegistries) endpoints.set(name, [new URL(url)])
  const given = new Set<string>()
  for (const { name, endpoints: urls } of parts.values.registry) {
    if (!given.has(name)) endpoints.set(name, urls)
    given.add(name)
  }
  return new Map(
    Array.from(endpoints, ([name, urls]) => [name, registryOf(parts, name, urls)] as const),
  )
}

function registryOf(parts: Parts, name: string, endpoints: readonly URL[]): RegistryConfig {
  const said = <Name extends OptionName>(option: Name) => saidOfRegistry(parts, option, name)
  const one = <Name extends OptionName>(option: Name) => said(option)?.[0]
  const pair = one('client-cert')
  const ipFamily = one('ip')
  return {
    ...plainRegistry,
    endpoints,
    literalNames: one('literal-names') ?? plainRegistry.literalNames,
    proxy: one('proxy'),
    ca: said('ca')
      ?.map(({ certificates }) => certificates)
      .join(''),
    clientCertificate: pair && {
      certificate: pair.certificate.certificates,
      key: pair.key.key,
    },
    unverifiedTls: one('insecure') ?? plainRegistry.unverifiedTls,
    ipFamily: ipFamily === 'auto' ? undefined : ipFamily,
    segments: one('segments') ?? plainRegistry.segments,
    credentials: one('credentials')?.source,
    trustedHosts: said('trusted-host')?.flat() ?? plainRegistry.trustedHosts,
    private: one('private') ?? plainRegistry.private,
  }
}

/** Of this registry, or else of all that are not named. */
function saidOfRegistry<Name extends OptionName>(
  { values, effective }: Parts,
  option: Name,
  registry: string,
): readonly OptionValues[Name][] | undefined {
  const said =
    saidOf(values, effective, option, registry) ?? saidOf(values, effective, option, undefined)
  return said?.values
}

/** The operator's own names count before those that the base domain seeds. */
function hostsOf(values: Values, pathAliases: ReadonlyMap<string, string>): Map<string, string> {
  const domain = values['base-domain']
  const below = domain === undefined ? [] : [...wellKnownSubdomains, ...pathAliases]
  const hosts = new Map(below.map(([word, registry]) => [`${word}.${domain}`, registry]))
  // Strongest first, so that the strongest is set last.
  for (const { host, registry } of values.alias.toReversed()) hosts.set(host, registry)
  return hosts
}

function tlsOf(values: Values): TlsConfig | undefined {
  const { tls, 'tls-name': names, 'tls-cert': certificate, 'tls-key': key } = values
  if (certificate !== undefined && key !== undefined) {
    return { kind: 'files', certificateFile: certificate, keyFile: key }
  }
  return tls === 'self' ? { kind: 'self', names } : undefined
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const parts = value instanceof Map ? value.values() : Object.values(value)
  for (const part of parts) deepFreeze(part)
  return value instanceof URL || value instanceof Map ? value : Object.freeze(value)
}
