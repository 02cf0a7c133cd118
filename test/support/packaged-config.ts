// A Config as the regmirror.yaml and the environment that say the same (JSON is YAML), with its PEM
// texts in files beside it.
import { writeFileSync } from 'node:fs'
import type {
  Config,
  CredentialSource,
  EnvironmentProxy,
  ListenAddress,
  RegistryConfig,
} from '../../src/config/config.ts'
import { canonicalRegistry } from '../../src/config/well-known.ts'
import { freePort } from './net-ports.ts'
import type { TempFolder } from './temp-folder.ts'

export interface PackagedConfig {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  readonly listen: ListenAddress
  readonly registryAddresses: ReadonlyMap<string, ListenAddress>
}

export async function writeConfig(config: Config, folder: TempFolder): Promise<PackagedConfig> {
  const listen = await withPort(config.listen)
  const registryAddresses = new Map<string, ListenAddress>()
  for (const { registry, ...address } of config.registryListeners) {
    registryAddresses.set(registry, await withPort(address))
  }
  const file = folder.join('regmirror.yaml')
  const settings = settingsOf(config, listen, registriesOf(config, registryAddresses, folder))
  writeFileSync(file, JSON.stringify(settings, undefined, 2), { mode: 0o600 })
  return { file, env: environmentOf(config.environmentProxy), listen, registryAddresses }
}

async function withPort({ host, port }: ListenAddress): Promise<ListenAddress> {
  return { host, port: port === 0 ? await freePort() : port }
}

function settingsOf(config: Config, listen: ListenAddress, registries: unknown): unknown {
  const { upstream, tagTtl, tls, space } = config
  const own = [...config.aliases].filter(([name]) => canonicalRegistry(name) === name)
  return {
    listen: addressText(listen),
    ...(tls?.kind === 'self' ? { tls: 'self', 'tls-name': tls.names } : {}),
    ...(tls?.kind === 'files' ? { 'tls-cert': tls.certificateFile, 'tls-key': tls.keyFile } : {}),
    data: config.data,
    offline: config.offline,
    abandoned: config.abandoned,
    catalog: config.catalog,
    sendfile: config.sendfile,
    allow: config.allow,
    block: config.block,
    'default-registry': config.defaultRegistry,
    'docker-config': config.dockerConfig,
    'tag-ttl': [
      duration(tagTtl.movingMs),
      ...tagTtl.patterns.map(({ pattern, ttlMs }) => `${pattern}=${duration(ttlMs)}`),
    ],
    'stale-after': duration(config.staleAfterMs),
    'upstream-connect-timeout': duration(upstream.connectTimeoutMs),
    'upstream-header-timeout': duration(upstream.headerTimeoutMs),
    'upstream-idle-timeout': duration(upstream.idleTimeoutMs),
    'max-size': space.maxBytes === undefined ? 'none' : `${space.maxBytes}B`,
    'min-free': space.minFreeBytes === undefined ? undefined : `${space.minFreeBytes}B`,
    'keep-untagged':
      space.keepUntaggedMs === undefined ? 'forever' : duration(space.keepUntaggedMs),
    scrub: space.scrubMs === undefined ? 'off' : duration(space.scrubMs),
    warm: config.warm?.file,
    'warm-at': config.warm?.at,
    'client-idle-timeout': duration(config.clientIdleTimeoutMs),
    'drain-timeout': duration(config.drainTimeoutMs),
    log: 'json',
    'log-level': 'debug',
    aliases: Object.fromEntries([...own, ...config.hosts]),
    registries,
  }
}

function registriesOf(
  config: Config,
  listeners: ReadonlyMap<string, ListenAddress>,
  folder: TempFolder,
): Readonly<Record<string, unknown>> {
  const aliasOf = new Map(Array.from(config.pathAliases, ([alias, name]) => [name, alias]))
  const entries = Array.from(config.registries).flatMap(([name, registry]) => {
    const options = registryOptions(registry, (what) => folder.join(`${fileSafe(name)}.${what}`))
    const listener = listeners.get(name)
    const listen = listener === undefined ? {} : { listen: addressText(listener) }
    const alias = aliasOf.get(name)
    if (alias === name) return [[`alias:${alias}`, { ...options, ...listen }]]
    // In a file, a short name is a registry of its own.
    const short = alias === undefined ? [] : [[`alias:${alias}`, options]]
    return [[name, { ...options, ...listen }], ...short]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}

function registryOptions(
  registry: RegistryConfig,
  fileOf: (what: string) => string,
): Readonly<Record<string, unknown>> {
  const { proxy, ca, clientCertificate: pair, ipFamily, credentials, trustedHosts } = registry
  const pem = (what: string, text: string): string => {
    writeFileSync(fileOf(what), text, { mode: 0o600 })
    return fileOf(what)
  }
  // JSON leaves out what is undefined.
  return {
    endpoints: registry.endpoints.map(String),
    'literal-names': registry.literalNames,
    proxy: proxy && String(proxy),
    ca: ca === undefined ? undefined : pem('ca.pem', ca),
    'client-cert': pair && [pem('pem', pair.certificate), pem('key', pair.key.reveal())],
    insecure: registry.unverifiedTls,
    ip: ipFamily,
    segments: registry.segments,
    credentials: credentials && credentialsText(credentials),
    'trusted-hosts': trustedHosts,
    private: registry.private,
  }
}

function credentialsText(source: CredentialSource): unknown {
  switch (source.kind) {
    case 'login':
      return { username: source.username, password: source.password.reveal() }
    case 'none':
      return 'none'
    default:
      return { [source.kind]: source.path }
  }
}

// The tester's own proxies are not the mirror's.
function environmentOf({ http, https, noProxy }: EnvironmentProxy): Record<string, string> {
  return {
    ...{ HTTP_PROXY: '', HTTPS_PROXY: '', ALL_PROXY: '', NO_PROXY: '', all_proxy: '' },
    http_proxy: http === undefined ? '' : String(http),
    https_proxy: https === undefined ? '' : String(https),
    no_proxy: noProxy,
  }
}

function addressText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function duration(ms: number): string {
  return `${ms}ms`
}

function fileSafe(name: string): string {
  return name.replaceAll(/[^a-z0-9.]/g, '-')
}
