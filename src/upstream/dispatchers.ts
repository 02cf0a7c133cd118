// The connections of one registry: which are used for a request, made when they are first needed.

import { connector } from './connectors.ts'
import type { UpstreamLimits } from './limits.ts'
import { chooseProxy, proxyAuthorization } from './proxy.ts'
import type { EnvironmentProxy, Proxy } from './proxy.ts'
import { Trust } from './trust.ts'
import type { Company, TrustSettings } from './trust.ts'
import { Agent } from './undici.ts'

/** How a registry is reached. */
export interface WaySettings extends TrustSettings {
  /** 'none': straight; undefined: as the environment says. */
  readonly proxy?: URL | 'none' | undefined
  readonly environmentProxy?: EnvironmentProxy | undefined
  /** Undefined: whichever answers first. */
  readonly ipFamily?: 4 | 6 | undefined
}

export interface Way {
  readonly agent: Agent
  /** The proxy that is itself asked for the whole URL; undefined: the host is asked for the path. */
  readonly forwarder: Proxy | undefined
  readonly headers: Readonly<Record<string, string>>
}

export class Dispatchers {
  readonly #settings: WaySettings
  readonly #userAgent: string
  readonly #limits: UpstreamLimits
  readonly #trust: Trust
  readonly #proxyOf: (url: URL) => Proxy | undefined
  readonly #agents = new Map<string, Agent>()
  #closed: Error | undefined

  constructor(settings: WaySettings, userAgent: string, limits: UpstreamLimits) {
    this.#settings = settings
    this.#userAgent = userAgent
    this.#limits = limits
    this.#trust = new Trust(settings)
    this.#proxyOf = chooseProxy(settings.proxy, settings.environmentProxy)
  }

  /** Downloads keep to their own connections: a manifest never waits for 64 of them to end. */
  wayTo(url: URL, download: boolean): Way {
    if (this.#closed) throw this.#closed
    const proxy = this.#proxyOf(url)
    const company = this.#trust.companyOf(url)
    const { kind, host, login: as } = proxy ?? {}
    const key = JSON.stringify([kind, host, as?.username, company, download])
    let agent = this.#agents.get(key)
    if (!agent) this.#agents.set(key, (agent = this.#agent(proxy, company)))
    const forwarder = proxy?.kind !== 'socks5' && url.protocol === 'http:' ? proxy : undefined
    const login = forwarder && proxyAuthorization(forwarder)
    return { agent, forwarder, headers: login ? { 'proxy-authorization': login } : {} }
  }

  async close(reason: Error): Promise<void> {
    this.#closed = reason
    await Promise.all(Array.from(this.#agents.values(), (agent) => agent.destroy(reason)))
  }

  #agent(proxy: Proxy | undefined, company: Company): Agent {
    const limits = this.#limits
    const connect = connector(proxy, {
      timeoutMs: limits.connectTimeoutMs,
      ipFamily: this.#settings.ipFamily,
      userAgent: this.#userAgent,
      tlsToHost: () => this.#trust.optionsFor(company),
      tlsToProxy: () => this.#trust.optionsFor('others'),
    })
    return new Agent({
      connect,
      connections: limits.connectionsPerOrigin,
      pipelining: 1,
      allowH2: false,
      bodyTimeout: limits.bodyIdleTimeoutMs,
    })
  }
}
