// A configuration becomes an open store with all that cares for it, and does jobs for commands. Nothing is
// decided here.

import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { logCareEvents } from './care/events.ts'
import type { CareEvents } from './care/events.ts'
import { leaveGoneLists } from './care/gone-lists.ts'
import { lsJob } from './care/images.ts'
import { rmJob } from './care/removal.ts'
import { StoreRoom } from './care/room.ts'
import type { Jobs } from './care/jobs.ts'
import { jobsAfter } from './care/jobs-after.ts'
import { statsJob } from './care/stats.ts'
import { gcJob } from './care/sweep.ts'
import { createUpkeep } from './care/upkeep.ts'
import type { Upkeep } from './care/upkeep.ts'
import type { Config } from './config/config.ts'
import { errorsOnly } from './lib/log.ts'
import type { Logger } from './lib/log.ts'
import { machineClock } from './lib/wall-clock.ts'
import type { Clock } from './lib/wall-clock.ts'
import type { Mirror } from './mirror/mirror.ts'
import { repositoryNamed } from './mirror/target.ts'
import { openAccess } from './open-access.ts'
import type { OpenMirror } from './open-mirror.ts'
import { openDesk } from './owner/open-desk.ts'
import { openStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import type { RegistryStatus } from './upstream/upstream.ts'
import { afterRebuild } from './warm/after-rebuild.ts'
import { WarmDesk } from './warm/desk.ts'
import type { WarmDeskOptions } from './warm/desk.ts'
import { logWarmEvents, silentWarmEvents } from './warm/events.ts'
import { PINNED_BY_RUNS, runsJob } from './warm/last-runs.ts'

/** One core is left for moving bytes; more hash workers than this never had work when measured. */
const HASH_WORKERS_MAX = 4

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

export interface OwnedStore {
  readonly store: Store
  readonly room: StoreRoom
  readonly upkeep: Upkeep
  /** For who owns it. */
  readonly jobs: Jobs
  /** What the store is served from and filled through; made by who asks first. */
  mirror(): Promise<Mirror>
  /** What others wait for of `warm` is for the next owner. */
  handBackWarming(): void
  /** Runs of `warm` end in good order, and no other begins. */
  stopWarming(): Promise<void>
  /** Lets the commands of others end. */
  drainJobs(): Promise<void>
  /** Once nothing is read or written any more. */
  close(): Promise<void>
}

/** What was done stands, whether or not there is room for the list of the rest. */
async function saveFailedList(
  store: Store,
  text: string | undefined,
  log: Logger,
): Promise<string | undefined> {
  try {
    return await store.saveWarmFailed(text)
  } catch (error) {
    log.error((error as Error).message)
    return undefined
  }
}

interface Owned {
  readonly events: CareEvents
  readonly store: Store
  readonly room: StoreRoom
  readonly upkeep: Upkeep
  readonly serving: () => Serving
}

/** All but what fills the store. */
function storeJobsOf(
  config: Config,
  { events, store, room, upkeep, serving }: Owned,
): Omit<Jobs, 'warm' | 'runs'> {
  const looking = { reader: store.reader, flushed: () => serving().flushed() }
  return {
    ls: lsJob({
      ...looking,
      names: config,
      heldBytes: async () => (await store.index.usage()).blobBytes,
    }),
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
      leaveGoneLists: () => leaveGoneLists({ ...store, stat, events, now: Date.now }),
      keepUntaggedMs: config.space.keepUntaggedMs,
      now: Date.now,
    }),
    verify: upkeep.verify,
  }
}

interface WarmParts extends Pick<Owned, 'store' | 'upkeep'> {
  readonly isServer: boolean
  readonly mirror: () => Promise<Mirror['warming']>
  readonly clock: Clock
}

function openWarmDesk(
  log: Logger,
  { store, upkeep, isServer, mirror, clock }: WarmParts,
): WarmDesk {
  // All that a run needs is loaded with the first: most servers never warm.
  const warm: WarmDeskOptions['run'] = async (...asked) => {
    const { warmJob } = await import('./warm/warm.ts')
    const job = warmJob({
      mirror,
      index: store.index,
      saveFailedList: (text) => saveFailedList(store, text, log),
      now: () => clock.now(),
      sleep: (durationMs, signal) => clock.sleep(durationMs, signal),
      random: Math.random,
    })
    return await job(...asked)
  }
  return new WarmDesk({
    run: afterRebuild(upkeep.rebuild, warm),
    isServer,
    events: isServer ? logWarmEvents(log) : silentWarmEvents,
    newId: randomUUID,
    now: () => clock.now(),
  })
}

/** Takes the folder's lock, and does jobs for the commands that knock at its socket from here on. */
export async function ownStore(
  config: Config,
  log: Logger,
  command: string,
  open: (hashWorkers: number) => Promise<Store>,
  folder = config.data,
  clock = machineClock,
): Promise<OwnedStore> {
  const isServer = command === 'serve'
  // What a command could not fetch is in its answer.
  const mirrorLog = isServer || config.log.level === 'debug' ? log : errorsOnly(log)
  // Who fetches is to know what may be fetched before anything is opened.
  const isFetching = isServer || command === 'warm'
  const known = isFetching ? { access: await openAccess(config, mirrorLog) } : undefined
  const store = await open(Math.min(HASH_WORKERS_MAX, Math.max(1, availableParallelism() - 1)))
  let opened: OpenMirror | undefined
  let opening: Promise<OpenMirror> | undefined
  const serving = (): Serving => opened?.mirror ?? notServing
  const events = logCareEvents(log)
  const room: StoreRoom = new StoreRoom({
    index: store.index,
    reader: store.reader,
    store: store.blobs,
    space: config.space,
    events,
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
    events,
    isBusy: () => serving().isDownloading,
    sleep: (durationMs, signal) => wait(durationMs, undefined, { signal, ref: false }),
    now: Date.now,
  })
  const openIt = async (): Promise<OpenMirror> => {
    const { openMirror } = await import('./open-mirror.ts')
    return openMirror(config, mirrorLog, {
      ...{ index: upkeep.index, integrity: upkeep.integrity, room },
      ...{ store: store.blobs, hasher: store.hasher },
      ...(known ?? { access: await openAccess(config, mirrorLog) }),
    })
  }
  const mirror = async (): Promise<Mirror> => {
    opened = await (opening ??= openIt())
    return opened.mirror
  }
  const warmMirror = async (): Promise<Mirror['warming']> => {
    // A server does so by itself, a command only where it fills the store.
    if (opening === undefined && !isServer) room.start()
    const { warming } = await mirror()
    return warming
  }
  const desk = openWarmDesk(log, { store, upkeep, isServer, mirror: warmMirror, clock })
  const storeJobs = storeJobsOf(config, { events, store, room, upkeep, serving })
  // Without a server nobody else makes a lost index again, and what it knew would seem not to be held.
  const inOrder = isServer ? storeJobs : jobsAfter(upkeep.rebuild, storeJobs)
  const jobs = { ...inOrder, runs: runsJob(store.index) }
  // Of a run that was killed.
  await store.index.endPins(Date.now()).catch(({ message }: Error) => log.warn(message))
  await store.index.unpinAll(PINNED_BY_RUNS).catch(({ message }: Error) => log.warn(message))
  await store.index.closeWarmRuns().catch(({ message }: Error) => log.warn(message))
  const counter = await openDesk(
    folder,
    config.runtimeFolder,
    command,
    { ...jobs, warm: desk.warm },
    command === 'warm' ? () => desk.handBack(true) : undefined,
  ).catch(({ message }: Error) => {
    // A command is over before anybody would want to reach it.
    if (isServer) log.warn(`no command can reach this regmirror: ${message}`)
  })
  return {
    store,
    room,
    upkeep,
    jobs: { ...jobs, warm: isServer ? desk.warm : desk.warmForOwner },
    mirror,
    handBackWarming: () => desk.handBack(false),
    stopWarming: () => desk.stop(),
    drainJobs: async () => await counter?.drain(),
    close: async () => {
      await desk.stop()
      // A download that is being stopped still notes what it has.
      await opened?.close()
      await counter?.stop()
      await upkeep.close()
      await room.close()
      await store.close()
    },
  }
}

export interface StoreOwner {
  readonly jobs: Jobs
  /** Takes no more jobs; resolves when those of the commands that came meanwhile are done too. */
  drain(): Promise<void>
  /** Stops what still runs. */
  close(): Promise<void>
}

/** The store without a server. Throws StoreError, 'locked' where another owns it. */
export async function openOwner(
  config: Config,
  log: Logger,
  command: string,
  folder = config.data,
): Promise<StoreOwner> {
  const open = (hashWorkers: number): Promise<Store> => openStore(folder, hashWorkers)
  const owned = await ownStore(config, log, command, open, folder)
  return {
    jobs: owned.jobs,
    drain: () => {
      owned.handBackWarming()
      return owned.drainJobs()
    },
    close: owned.close,
  }
}
