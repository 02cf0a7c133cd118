// The composition root: a configuration becomes a running mirror. Nothing is decided here.

import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { Config } from './config/config.ts'
import { registryApp } from './http/app.ts'
import { PullLog } from './http/pull-log.ts'
import type { Logger } from './lib/log.ts'
import { logMirrorEvents } from './mirror/events.ts'
import { Mirror } from './mirror/mirror.ts'
import { listen } from './runtime/listener.ts'
import { openStore } from './store/store.ts'
import { createUpstreams } from './upstream/upstreams.ts'
import { version } from './version.ts'

/** One core is left for moving bytes; more hash workers than this never had work when measured. */
const HASH_WORKERS_MAX = 4

export interface RunningMirror {
  readonly address: { readonly host: string; readonly port: number }
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

/** Throws StoreError where the data folder cannot be used, and the system's error where the port cannot. */
export async function startMirror(config: Config, log: Logger): Promise<RunningMirror> {
  const hashWorkers = Math.min(HASH_WORKERS_MAX, Math.max(1, availableParallelism() - 1))
  const store = await openStore(config.data, hashWorkers)
  const upstreams = createUpstreams({
    registries: config.registries,
    offline: config.offline,
    userAgent: `regmirror/${version}`,
    limits: {
      connectTimeoutMs: config.upstream.connectTimeoutMs,
      manifestHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      blobHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      bodyIdleTimeoutMs: config.upstream.idleTimeoutMs,
    },
  })
  const mirror = new Mirror({
    index: store.index,
    store: store.blobs,
    hasher: store.hasher,
    upstreams,
    events: logMirrorEvents(log),
    addressing: config,
    tagTtl: config.tagTtl,
    staleAfterMs: config.staleAfterMs,
    offline: config.offline,
    abandoned: config.abandoned,
    now: Date.now,
  })
  const pulls = new PullLog(log, Date.now)
  const app = registryApp({ mirror, pulls, log, version })

  /** The store last: a download that is being stopped still notes what it has. */
  const closeAll = async (): Promise<void> => {
    await Promise.all([mirror.close(), upstreams.close()])
    await store.close()
    pulls.flush()
  }
  // A drain that takes too long is followed by a stop: both end here.
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= closeAll())
  try {
    const listener = await listen({
      ...config.listen,
      clientIdleTimeoutMs: config.clientIdleTimeoutMs,
      fetch: (request, exchange) => app.fetch(request, { exchange }),
    })
    return {
      address: listener.address,
      dataFolder: config.data,
      freeBytes: await freeBytes(config.data),
      get runningResponses() {
        return listener.running
      },
      drain: () => listener.drain().then(close),
      stop: () => listener.stop().then(close),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}
