// Checked values → the Config that the rest of the program gets.

import type { Config, RegistryConfig } from './config.ts'
import type { Environment } from './read-environment.ts'
import type { RegistryEntry } from './registry-entry.ts'
import type { Values } from './schema.ts'
import { combineTagTtl } from './tag-ttl.ts'
import { canonicalRegistry, wellKnownAliases, wellKnownRegistries } from './well-known.ts'

export function assembleConfig(values: Values, env: Environment): Config {
  return deepFreeze({
    listen: values.listen,
    data: values.data,
    registries: registriesOf(values.registry),
    defaultRegistry: canonicalRegistry(values['default-registry'].toLowerCase()),
    aliases: wellKnownAliases,
    pathAliases: new Map(
      values.registry.filter((entry) => entry.isPathAlias).map(({ name }) => [name, name]),
    ),
    tagTtl: combineTagTtl(values['tag-ttl']),
    staleAfterMs: values['stale-after'],
    offline: values.offline,
    abandoned: values.abandoned,
    upstream: {
      connectTimeoutMs: values['upstream-connect-timeout'],
      headerTimeoutMs: values['upstream-header-timeout'],
      idleTimeoutMs: values['upstream-idle-timeout'],
    },
    clientIdleTimeoutMs: values['client-idle-timeout'],
    drainTimeoutMs: values['drain-timeout'],
    log: { format: values.log, level: values['log-level'], color: !env['NO_COLOR'] },
  })
}

/** Entries come strongest first: the first of a name stands, in the place of a built-in one. */
function registriesOf(entries: readonly RegistryEntry[]): Map<string, RegistryConfig> {
  const registries = new Map<string, RegistryConfig>()
  for (const [name, url] of wellKnownRegistries) registries.set(name, { endpoints: [new URL(url)] })
  const given = new Set<string>()
  for (const { name, endpoints } of entries) {
    if (!given.has(name)) registries.set(name, { endpoints })
    given.add(name)
  }
  return registries
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const parts = value instanceof Map ? value.values() : Object.values(value)
  for (const part of parts) deepFreeze(part)
  return value instanceof URL || value instanceof Map ? value : Object.freeze(value)
}
