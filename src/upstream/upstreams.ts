// All registries of the configuration behind the port; made once.

import { UpstreamError } from '../errors.ts'
import { askedWithCertificate } from './client-certificate.ts'
import type { WaySettings } from './dispatchers.ts'
import { EndpointLogins } from './endpoint-logins.ts'
import { Endpoint } from './endpoint.ts'
import type { UpstreamEvents } from './events.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Credentials } from './login.ts'
import { loginMayStartAt } from './login-reach.ts'
import { Logins } from './logins.ts'
import type { EnvironmentProxy } from './proxy.ts'
import { createRegistry } from './registry.ts'
import { createTransport } from './transport.ts'
import type { UpstreamRegistry, Upstreams } from './upstream.ts'

/** What the operator says about one registry. */
export interface RegistrySettings extends Omit<WaySettings, 'environmentProxy'> {
  /** In the order they are asked. A path is kept in front of `/v2/`. */
  readonly endpoints: readonly URL[]
  /** Undefined: always anonymous. */
  readonly credentials?: Credentials | undefined
}

export interface UpstreamsOptions {
  /** By canonical name. */
  readonly registries: ReadonlyMap<string, RegistrySettings>
  /** For registries that name no proxy; default: none. */
  readonly environmentProxy?: EnvironmentProxy
  readonly limits?: Partial<UpstreamLimits>
  /** Nothing is dialled, ever: every lookup throws. */
  readonly offline: boolean
  readonly userAgent: string
  readonly events: UpstreamEvents
  /** For lifetimes of tokens and pauses; default: Date.now. */
  readonly now?: () => number
}

export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { registries: settings, offline, userAgent, events, now = Date.now } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const closers: (() => Promise<void>)[] = []

  function online(registry: string, each: RegistrySettings): UpstreamRegistry {
    const { endpoints, trustedHosts = [], credentials } = each
    // One transport each: a proxy, a private CA or a client certificate belongs to one registry.
    const way = { ...each, environmentProxy: options.environmentProxy }
    const transport = createTransport(registry, way, userAgent, limits)
    closers.push(() => transport.close())
    const logins = new Logins({ registry, credentials, limits, events, now })
    const asked = endpoints.map((url, index) => {
      const isOrigin = index === endpoints.length - 1
      const origin = endpoints.at(-1) ?? url
      // A login is for the registry, and a public mirror of it is somebody else.
      const isForLogin = loginMayStartAt(url, origin, { registry, trustedHosts })
      const atEndpoint = isForLogin && new EndpointLogins({ logins, isOrigin, limits, now })
      const shared = { registry, trustedHosts, transport, limits, events, now }
      return new Endpoint({ ...shared, url, isOrigin, logins: atEndpoint || undefined })
    })
    const upstream = createRegistry({ registry, endpoints: asked, logins, limits, now })
    return each.clientCertificate ? askedWithCertificate(upstream) : upstream
  }

  const registries = new Map(
    Array.from(settings, ([name, each]) => [
      name,
      offline ? offlineRegistry(name, each) : online(name, each),
    ]),
  )
  return {
    registry(name) {
      const registry = registries.get(name)
      if (!registry) throw new Error(`${name} is not a registry of the configuration`)
      return registry
    },
    all: () => [...registries.values()],
    async close() {
      await Promise.all(closers.map((close) => close()))
    },
  }
}

function offlineRegistry(
  registry: string,
  { endpoints }: Pick<RegistrySettings, 'endpoints'>,
): UpstreamRegistry {
  const message = `${registry}: not asked, the mirror is offline`
  const refuse = (): Promise<never> => Promise.reject(new UpstreamError('offline', message))
  const unused = { state: 'unused', untilMs: undefined, lastFailure: undefined } as const
  return {
    registry,
    hasLogin: false,
    headManifest: refuse,
    getManifest: refuse,
    openBlob: refuse,
    listTags: refuse,
    listReferrers: refuse,
    status: () => ({
      registry,
      endpoints: endpoints.map((url) => ({ url, ...unused })),
      quota: undefined,
      login: 'none',
      loginTriedAtMs: undefined,
    }),
    checkLogin: () => Promise.resolve({ outcome: 'unreachable', message }),
  }
}
