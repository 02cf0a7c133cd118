// The packaged program in the place of startMirror: the same configuration, as flags; its JSON log,
// as calls of the logger. So the feature tests run on dist/regmirror as they run in process.
import { readFileSync } from 'node:fs'
import type { RunningMirror } from '../../src/compose.ts'
import type { Config } from '../../src/config/config.ts'
import type { LogFields, Logger } from '../../src/lib/log.ts'
import { binaryPath } from './binary.ts'
import { freePort } from './net-ports.ts'
import { Program } from './process.ts'

/** Set by test/run.ts for its second pass over the feature tests. */
export const ON_BINARY = process.env['REGMIRROR_FEATURES_ON'] === 'binary'

const ESTABLISHED = '01'

export async function startPackagedMirror(config: Config, log: Logger): Promise<RunningMirror> {
  const port = await freePort()
  const onLine = (line: string): void => {
    if (line.startsWith('{')) tellLine(line, log)
  }
  const program = new Program(binaryPath(), ['serve', ...flagsOf(config, port)], { onLine })
  await listening(program)
  const ended = (): Promise<void> => program.exited.then(() => undefined)
  return {
    address: { host: '127.0.0.1', port },
    dataFolder: config.data,
    freeBytes: undefined,
    get runningResponses() {
      return connections(port)
    },
    drain: () => {
      program.signal('SIGTERM')
      return ended()
    },
    stop: () => {
      program.signal('SIGTERM')
      program.signal('SIGINT')
      return ended()
    },
  }
}

function flagsOf(config: Config, port: number): string[] {
  const { upstream, tagTtl } = config
  const milliseconds = {
    'stale-after': config.staleAfterMs,
    'upstream-connect-timeout': upstream.connectTimeoutMs,
    'upstream-header-timeout': upstream.headerTimeoutMs,
    'upstream-idle-timeout': upstream.idleTimeoutMs,
    'client-idle-timeout': config.clientIdleTimeoutMs,
    'drain-timeout': config.drainTimeoutMs,
    'tag-ttl': tagTtl.movingMs,
  }
  const aliasOf = new Map(Array.from(config.pathAliases, ([alias, name]) => [name, alias]))
  // As flags, a short name is a registry of its own.
  const registries = Array.from(config.registries).flatMap(([name, { endpoints }]) => {
    const alias = aliasOf.get(name)
    const names = [name, ...(alias === undefined ? [] : [`alias:${alias}`])]
    return names.map((each) => `${each}=${endpoints.join(',')}`)
  })
  return [
    ...['--listen', `127.0.0.1:${port}`, '--data', config.data, '--log', 'json'],
    ...['--log-level', 'debug', '--abandoned', config.abandoned],
    ...Object.entries(milliseconds).flatMap(([name, ms]) => [`--${name}`, `${ms}ms`]),
    ...tagTtl.patterns.flatMap(({ pattern, ttlMs }) => ['--tag-ttl', `${pattern}=${ttlMs}ms`]),
    ...registries.flatMap((registry) => ['--registry', registry]),
    ...(config.offline ? ['--offline'] : []),
  ]
}

async function listening(program: Program): Promise<void> {
  try {
    await program.waitForLine(/"msg":"serving"/)
  } catch (error) {
    throw new Error(`the mirror did not start\n${program.report()}`, { cause: error })
  }
}

function tellLine(line: string, log: Logger): void {
  const { level, msg, ...fields } = JSON.parse(line) as LogFields & {
    level: keyof Logger
    msg: string
  }
  log[level](msg, fields)
}

/** A test's requests each have a connection, so those are what runs. */
function connections(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === ESTABLISHED).length
}
