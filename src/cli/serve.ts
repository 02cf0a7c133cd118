// `regmirror serve`: the mirror, until a signal.

import type { Arguments, CommandModule } from 'yargs'
import type { Config } from '../config/config.ts'
import { lanAddresses } from '../lib/lan-addresses.ts'
import type { Logger } from '../lib/log.ts'
import type { BoxTls } from '../tls/tls.ts'
import { version } from '../version.ts'
import { banner } from './banner.ts'
import type { Serving } from './banner.ts'
import { refuseSecondStore, requireDataFolder } from './data-folder.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { roomFields, sizeLimit, storesNothing } from './size-limit.ts'
import { untilStopped, watchSignals } from './until-stopped.ts'

export const serveCommand = {
  command: 'serve',
  describe: 'serve images to the LAN, fetching each once',
  builder: settingOptions,
  handler: serve,
} as const satisfies CommandModule

async function serve(argv: Arguments): Promise<void> {
  const { flags, problems } = readTypedFlags(argv, 'serve')
  const { loadConfig } = await import('../config/load.ts')
  const { config, effective, folders, warnings } = loadConfig(flags, problems)
  refuseSecondStore(config.data, folders)
  requireDataFolder(config.data, effective.data[0]?.origin ?? 'default')

  const [{ openLog }, { startMirror }] = await Promise.all([
    import('../lib/log.ts'),
    import('../compose.ts'),
  ])
  const log = openLog(config.log, process.stderr)
  for (const warning of warnings) log.warn(warning)
  const mirror = await startMirror(config, log)
  // Before anybody is told that it runs, and so might signal it.
  const nextSignal = watchSignals()
  if (config.tls?.kind === 'files') reloadOnHangup(mirror.tls)
  announce(config, log, {
    version,
    address: mirror.address,
    registryAddresses: mirror.registryAddresses,
    tls: mirror.tls?.facts,
    lanHosts: lanAddresses(),
    dataFolder: mirror.dataFolder,
    room: await mirror.roomReport(),
    warming: mirror.warming,
    offline: config.offline,
    registries: [...config.registries.keys()],
  })
  process.exitCode = await untilStopped(mirror, nextSignal, config.drainTimeoutMs, log)
}

/** As servers do; whoever renews a certificate may not want to wait until it is noticed. */
function reloadOnHangup(tls: BoxTls | undefined): void {
  process.on('SIGHUP', () => void tls?.look())
}

function announce(config: Config, log: Logger, serving: Serving): void {
  if (config.log.format === 'text') process.stderr.write(banner(serving))
  else {
    const registryAddresses = Object.fromEntries(serving.registryAddresses)
    const { room, warming, ...told } = serving
    const next = warming?.next === undefined ? undefined : new Date(warming.next).toISOString()
    const fields = { ...told, warming: warming && { ...warming, next }, registryAddresses }
    log.info('serving', { ...fields, ...roomFields(room) })
    if (room && storesNothing(room)) log.warn(sizeLimit(room), roomFields(room))
  }
}
