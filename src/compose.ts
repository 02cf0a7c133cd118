// The composition root: a configuration becomes a running mirror. Nothing is decided here.

import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { Config } from './config/config.ts'
import { createCredentials } from './credentials/registry-credentials.ts'
import { registryApp } from './http/app.ts'
import { PullLog } from './http/pull-log.ts'
import { lanAddresses } from './lib/lan-addresses.ts'
import type { Logger } from './lib/log.ts'
import { logMirrorEvents } from './mirror/events.ts'
import { Mirror } from './mirror/mirror.ts'
import { listenAll } from './runtime/listeners.ts'
import { openStore } from './store/store.ts'
import { openTls } from './tls/tls.ts'
import type { BoxTls } from './tls/tls.ts'
import { logUpstreamEvents } from './upstream/events.ts'
import type { Credentials } from './upstream/login.ts'
import type { Upstreams } from './upstream/upstream.ts'
import { createUpstreams } from './upstream/upstreams.ts'
import { version } from './version.ts'

/** One core is left for moving bytes; more hash workers than this never had work when measured. */
const HASH_WORKERS_MAX = 4

export interface RunningMirror {
  readonly address: { readonly host: string; readonly port: number }
  /** Of the listeners that each stand for one registry, by its name. */
  readonly registryAddresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>
  readonly tls: BoxTls | undefined
  readonly dataFolder: string
  /** Undefined where the system does not tell. */
  readonly freeBytes: number | undefined
  /** Responses that have not ended yet. */
  readonly runningResponses: number
  /** Running responses end, new requests are refused, unfinished downloads are kept for resuming. */
  drain(): Promise<void>
  /** The same, cutting what runs. */
  stop(): Promise<void>
}

/** The registries, for whoever asks them without a store too. */
export function openUpstreams(
  config: Config,
  credentials: ReadonlyMap<string, Credentials>,
  log: Logger,
): Upstreams {
  return createUpstreams({
    registries: new Map(
      Array.from(config.registries, ([name, registry]) => [
        name,
        { ...registry, credentials: credentials.get(name) },
      ]),
    ),
    environmentProxy: config.environmentProxy,
    offline: config.offline,
    userAgent: `regmirror/${version}`,
    events: logUpstreamEvents(log),
    limits: {
      connectTimeoutMs: config.upstream.connectTimeoutMs,
      manifestHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      blobHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      bodyIdleTimeoutMs: config.upstream.idleTimeoutMs,
    },
  })
}

/** Throws StoreError where the data folder cannot be used, and the system's error where the port cannot. */
export async function startMirror(config: Config, log: Logger): Promise<RunningMirror> {
  const hashWorkers = Math.min(HASH_WORKERS_MAX, Math.max(1, availableParallelism() - 1))
  const store = await openStore(config.data, hashWorkers)
  const upstreams = openUpstreams(config, createCredentials(config, Date.now), log)
  const mirror = new Mirror({
    index: store.index,
    store: store.blobs,
    hasher: store.hasher,
    upstreams,
    events: logMirrorEvents(log),
    addressing: config,
    registries: config.registries,
    tagTtl: config.tagTtl,
    staleAfterMs: config.staleAfterMs,
    catalog: config.catalog,
    offline: config.offline,
    abandoned: config.abandoned,
    now: Date.now,
  })
  const pulls = new PullLog(log, Date.now)
  let tls: BoxTls | undefined

  /** The store last: a download that is being stopped still notes what it has. */
  const closeAll = async (): Promise<void> => {
    tls?.close()
    await Promise.all([mirror.close(), upstreams.close()])
    await store.close()
    pulls.flush()
  }
  // A drain that takes too long is followed by a stop: both end here.
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= closeAll())
  try {
    tls = await boxTls(config, log)
    const app = registryApp({ mirror, pulls, log, version, authority: tls?.authority })
    const places = [{ ...config.listen, registry: undefined }, ...config.registryListeners]
    const listeners = await listenAll(places, {
      tls: tls?.pair,
      clientIdleTimeoutMs: config.clientIdleTimeoutMs,
      fetch: (request, exchange) => app.fetch(request, { exchange }),
    })
    tls?.watch((pair) => listeners.show(pair))
    const [address = config.listen, ...others] = listeners.addresses
    return {
      address,
      registryAddresses: new Map(
        config.registryListeners.map(({ registry }, n) => [registry, others[n] ?? address]),
      ),
      tls,
      dataFolder: config.data,
      freeBytes: await freeBytes(config.data),
      get runningResponses() {
        return listeners.running
      },
      drain: () => listeners.drain().then(close),
      stop: () => listeners.stop().then(close),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function boxTls(config: Config, log: Logger): Promise<BoxTls | undefined> {
  if (config.tls === undefined) return undefined
  const listenHosts = [config.listen, ...config.registryListeners].map(({ host }) => host)
  return await openTls(config.tls, {
    dataFolder: config.data,
    hosts: [...listenHosts, ...config.hosts.keys()],
    lanAddresses,
    log,
    now: Date.now,
  })
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}
