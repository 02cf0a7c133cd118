// The composition root: a configuration becomes a running mirror. Nothing is decided here.

import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { logCareEvents } from './care/events.ts'
import { lsJob } from './care/images.ts'
import { rmJob } from './care/removal.ts'
import { StoreRoom } from './care/room.ts'
import type { RoomReport } from './care/room.ts'
import type { Jobs } from './care/jobs.ts'
import { jobsAfter } from './care/jobs-after.ts'
import { statsJob } from './care/stats.ts'
import { gcJob } from './care/sweep.ts'
import { createUpkeep } from './care/upkeep.ts'
import type { Upkeep } from './care/upkeep.ts'
import type { Config } from './config/config.ts'
import { createCredentials } from './credentials/registry-credentials.ts'
import { registryApp } from './http/app.ts'
import { PullLog } from './http/pull-log.ts'
import { lanAddresses } from './lib/lan-addresses.ts'
import type { Logger } from './lib/log.ts'
import { logMirrorEvents } from './mirror/events.ts'
import { Mirror } from './mirror/mirror.ts'
import { repositoryNamed } from './mirror/target.ts'
import { ownAlone } from './owner/contend.ts'
import { openDesk } from './owner/open-desk.ts'
import { listenAll } from './runtime/listeners.ts'
import { openStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import { openTls } from './tls/tls.ts'
import type { BoxTls } from './tls/tls.ts'
import { logUpstreamEvents } from './upstream/events.ts'
import type { Credentials } from './upstream/login.ts'
import type { RegistryStatus, Upstreams } from './upstream/upstream.ts'
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
  /** What the store takes and may take; undefined where that cannot be told. */
  readonly room: RoomReport | undefined
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

/** What only a running mirror can tell whoever cares for the store. */
interface Serving {
  readonly isDownloading: boolean
  flushUses(): Promise<void>
  flushed(): Promise<void>
  status(): readonly RegistryStatus[]
}

/** For a command that owns the store without serving from it. */
const notServing: Serving = {
  isDownloading: false,
  flushUses: () => Promise.resolve(),
  flushed: () => Promise.resolve(),
  status: () => [],
}

interface OwnedStore {
  readonly store: Store
  readonly room: StoreRoom
  readonly upkeep: Upkeep
  readonly jobs: Jobs
  /** Lets the commands of others end. */
  drainJobs(): Promise<void>
  /** Once nothing is read or written any more. */
  close(): Promise<void>
}

/** Takes the folder's lock, and does jobs for the commands that knock at its socket from here on. */
async function ownStore(
  config: Config,
  log: Logger,
  command: string,
  open: (hashWorkers: number) => Promise<Store>,
  serving: () => Serving,
  asOffered = (jobs: Jobs, _upkeep: Upkeep): Jobs => jobs,
): Promise<OwnedStore> {
  const store = await open(Math.min(HASH_WORKERS_MAX, Math.max(1, availableParallelism() - 1)))
  const room: StoreRoom = new StoreRoom({
    index: store.index,
    store: store.blobs,
    space: config.space,
    events: logCareEvents(log),
    flushUses: () => serving().flushUses(),
    now: Date.now,
  })
  const upkeep = createUpkeep({
    index: store.index,
    store: store.blobs,
    hasher: store.hasher,
    inspection: store.inspection,
    room,
    brokenDownloads: () => room.evictor.withoutBroken(),
    scrubMs: config.space.scrubMs,
    events: logCareEvents(log),
    isBusy: () => serving().isDownloading,
    sleep: (durationMs, signal) => wait(durationMs, undefined, { signal, ref: false }),
    now: Date.now,
  })
  const looking = { reader: store.reader, flushed: () => serving().flushed() }
  const heldBytes = async (): Promise<number> => (await store.index.usage()).blobBytes
  const own: Jobs = {
    ls: lsJob({ ...looking, names: config, heldBytes }),
    rm: rmJob({
      reader: store.reader,
      resolve: (name) => repositoryNamed(name, config),
      remove: (repository, reference) => room.remove(repository, reference),
    }),
    stats: statsJob({
      ...looking,
      room: () => room.report(),
      registries: () => serving().status(),
      now: Date.now,
    }),
    gc: gcJob({
      room,
      reader: store.reader,
      keepUntaggedMs: config.space.keepUntaggedMs,
      now: Date.now,
    }),
    verify: upkeep.verify,
  }
  const jobs = asOffered(own, upkeep)
  const desk = await openDesk(config.data, config.runtimeFolder, command, jobs).catch(
    ({ message }: Error) => {
      // A command is over before anybody would want to reach it.
      if (command === 'serve') log.warn(`no command can reach this regmirror: ${message}`)
    },
  )
  return {
    store,
    room,
    upkeep,
    jobs,
    drainJobs: async () => await desk?.drain(),
    close: async () => {
      await desk?.stop()
      await upkeep.close()
      await room.close()
      await store.close()
    },
  }
}

export interface StoreOwner {
  readonly jobs: Jobs
  /** Once the commands that came meanwhile are done too. */
  close(): Promise<void>
}

/** The store without a server. Throws StoreError, 'locked' where another owns it. */
export async function openOwner(config: Config, log: Logger, command: string): Promise<StoreOwner> {
  const open = (hashWorkers: number): Promise<Store> => openStore(config.data, hashWorkers)
  // Without a server nobody else makes a lost index again, and what it knew would seem not to be held.
  const onceRebuilt = (jobs: Jobs, upkeep: Upkeep): Jobs => jobsAfter(upkeep.rebuild, jobs)
  const owned = await ownStore(config, log, command, open, () => notServing, onceRebuilt)
  return {
    jobs: owned.jobs,
    close: () => owned.drainJobs().then(() => owned.close()),
  }
}

/** Throws StoreError where the data folder cannot be used, and the system's error where the port cannot. */
export async function startMirror(config: Config, log: Logger): Promise<RunningMirror> {
  const open = (hashWorkers: number): Promise<Store> =>
    ownAlone(config.data, () => openStore(config.data, hashWorkers))
  // Commands may knock before there is a mirror.
  let serving: Serving = notServing
  const owned = await ownStore(config, log, 'serve', open, () => serving)
  const { room, upkeep } = owned
  const upstreams = openUpstreams(config, createCredentials(config, Date.now), log)
  const mirror = new Mirror({
    index: owned.upkeep.index,
    integrity: owned.upkeep.integrity,
    store: owned.store.blobs,
    hasher: owned.store.hasher,
    room: owned.room,
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
  serving = mirror
  const pulls = new PullLog(log, Date.now)
  let tls: BoxTls | undefined

  /** The store last: a download that is being stopped still notes what it has. */
  const closeAll = async (): Promise<void> => {
    tls?.close()
    await Promise.all([mirror.close(), upstreams.close()])
    await owned.close()
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
    upkeep.start()
    room.start()
    const [address = config.listen, ...others] = listeners.addresses
    return {
      address,
      registryAddresses: new Map(
        config.registryListeners.map(({ registry }, n) => [registry, others[n] ?? address]),
      ),
      tls,
      dataFolder: config.data,
      room: await room.report().catch(() => undefined),
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
