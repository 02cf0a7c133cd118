// The composition root: a configuration becomes a running mirror. Nothing is decided here.

import type { RoomReport } from './care/room.ts'
import type { Config } from './config/config.ts'
import { registryApp } from './http/app.ts'
import { PullLog } from './http/pull-log.ts'
import { RememberedAnswers } from './http/remembered-answers.ts'
import { lanAddresses } from './lib/lan-addresses.ts'
import type { Logger } from './lib/log.ts'
import { machineClock } from './lib/wall-clock.ts'
import { ownAlone } from './owner/contend.ts'
import { ownStore } from './own-store.ts'
import { listenAll } from './runtime/listeners.ts'
import { Sendfile } from './runtime/sendfile.ts'
import { openStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import { openTls } from './tls/tls.ts'
import type { BoxTls } from './tls/tls.ts'
import { version } from './version.ts'
import type { WarmScheduler } from './warm/scheduler.ts'

export interface RunningMirror {
  readonly address: { readonly host: string; readonly port: number }
  /** Of the listeners that each stand for one registry, by its name. */
  readonly registryAddresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>
  readonly tls: BoxTls | undefined
  readonly dataFolder: string
  /** What the store takes and may take; undefined where that cannot be told. */
  roomReport(): Promise<RoomReport | undefined>
  /** The list that is warmed by itself; undefined: none is. */
  readonly warming: ScheduledWarming | undefined
  /** Responses that have not ended yet. */
  readonly runningResponses: number
  /** Running responses end, new requests are refused, unfinished downloads are kept for resuming. */
  drain(): Promise<void>
  /** The same, cutting what runs. */
  stop(): Promise<void>
}

export interface ScheduledWarming {
  readonly file: string
  readonly lines: number
  /** When it begins next, in ms since the epoch; undefined: never, or not before it is right. */
  readonly next: number | undefined
  /** What is the matter with the list, where it cannot be used. */
  readonly problems: readonly string[]
}

/**
 * Throws StoreError where the data folder cannot be used, the system's error where the port
 * cannot, and ConfigError where a list of what is served is wrong. One to be warmed may be wrong: whoever
 * pulls is served.
 */
export async function startMirror(
  config: Config,
  log: Logger,
  clock = machineClock,
): Promise<RunningMirror> {
  const open = (hashWorkers: number): Promise<Store> =>
    ownAlone(
      config.data,
      () => openStore(config.data, hashWorkers),
      ({ pid }) => log.info(`regmirror warm (pid ${pid}) uses the store: it is asked to leave`),
    )
  const owned = await ownStore(config, log, 'serve', open, config.data, clock)
  const { room, upkeep } = owned
  const mirror = await owned.mirror()
  // What reads and follows a list is loaded where there is one.
  const { scheduleWarming } = config.warm ? await import('./schedule-warming.ts') : {}
  const scheduler =
    config.warm && scheduleWarming?.(config.warm.file, { config, log, owned, clock })
  const pulls = new PullLog(log, Date.now)
  let tls: BoxTls | undefined

  const closeAll = async (): Promise<void> => {
    tls?.close()
    scheduler?.stop()
    await owned.close()
    pulls.flush()
  }
  const stopWarming = (): Promise<void> => {
    scheduler?.stop()
    return owned.stopWarming()
  }
  // A drain that takes too long is followed by a stop: both end here.
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= closeAll())
  try {
    tls = await boxTls(config, log)
    const remembered = new RememberedAnswers()
    const authority = tls?.authority
    const app = registryApp({ mirror, pulls, log, version, authority, remembered })
    const places = [{ ...config.listen, registry: undefined }, ...config.registryListeners]
    const listeners = await listenAll(places, {
      tls: tls?.pair,
      clientIdleTimeoutMs: config.clientIdleTimeoutMs,
      sendfile: config.sendfile ? Sendfile.of(config.data, log) : undefined,
      fetch: (request, exchange) => app.fetch(request, { exchange }),
      recall: (exchange) => remembered.recall(exchange),
    })
    tls?.watch((pair) => listeners.show(pair))
    upkeep.start()
    room.start()
    await scheduler?.start()
    const [address = config.listen, ...others] = listeners.addresses
    return {
      address,
      registryAddresses: new Map(
        config.registryListeners.map(({ registry }, n) => [registry, others[n] ?? address]),
      ),
      tls,
      dataFolder: config.data,
      roomReport: () => room.report().catch(() => undefined),
      warming: scheduler && warmingOf(config, scheduler),
      get runningResponses() {
        return listeners.running
      },
      drain: () => Promise.all([listeners.drain(), stopWarming()]).then(close),
      stop: () => Promise.all([listeners.stop(), stopWarming()]).then(close),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function warmingOf(config: Config, scheduler: WarmScheduler): ScheduledWarming | undefined {
  const { lines, next, lacking: problems } = scheduler
  return config.warm && { file: config.warm.file, lines, next, problems }
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
