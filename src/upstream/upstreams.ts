// All registries of the configuration behind the port; made once.

import { UpstreamError } from '../errors.ts'
import { Endpoint } from './endpoint.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { UpstreamLimits } from './limits.ts'
import { createRegistry } from './registry.ts'
import { createTransport } from './transport.ts'
import type { UpstreamRegistry, Upstreams } from './upstream.ts'

/** What the operator says about one registry. */
export interface RegistrySettings {
  /** In the order they are asked. A path is kept in front of `/v2/`. */
  readonly endpoints: readonly URL[]
}

export interface UpstreamsOptions {
  /** By canonical name. */
  readonly registries: ReadonlyMap<string, RegistrySettings>
  readonly limits?: Partial<UpstreamLimits>
  /** Nothing is dialled, ever: every lookup throws. */
  readonly offline: boolean
  readonly userAgent: string
  /** For lifetimes of tokens and pauses; default: Date.now. */
  readonly now?: () => number
}

export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { registries: settings, offline, userAgent, now = Date.now } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const closers: (() => Promise<void>)[] = []

  function online(registry: string, { endpoints }: RegistrySettings): UpstreamRegistry {
    // One transport each: a proxy, a private CA or a client certificate belongs to one registry.
    const transport = createTransport(registry, userAgent, limits)
    closers.push(() => transport.close())
    const asked = endpoints.map((url) => new Endpoint({ registry, url, transport, limits, now }))
    return createRegistry(registry, asked, limits)
  }

  const registries = new Map(
    Array.from(settings, ([name, each]) => [
      name,
      offline ? offlineRegistry(name) : online(name, each),
    ]),
  )
  return {
    registry(name) {
      const registry = registries.get(name)
      if (!registry) throw new Error(`${name} is not a registry of the configuration`)
      return registry
    },
    async close() {
      await Promise.all(closers.map((close) => close()))
    },
  }
}

function offlineRegistry(registry: string): UpstreamRegistry {
  const refuse = (): Promise<never> =>
    Promise.reject(new UpstreamError('offline', `${registry}: not asked, the mirror is offline`))
  return { registry, headManifest: refuse, getManifest: refuse, openBlob: refuse }
}
