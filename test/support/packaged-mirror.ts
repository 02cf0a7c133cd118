// The packaged program in the place of startMirror: the same configuration, as a file; its JSON log,
// as calls of the logger. So the feature tests run on dist/regmirror, or from source on another
// runtime, as they run in process.
import { readFileSync } from 'node:fs'
import type { RunningMirror } from '../../src/compose.ts'
import type { Config } from '../../src/config/config.ts'
import type { LogFields, Logger } from '../../src/lib/log.ts'
import { binaryPath } from './binary.ts'
import { writeConfig } from './packaged-config.ts'
import { Program } from './process.ts'
import { TempFolder } from './temp-folder.ts'

/** Set by test/run.ts for its second pass over the feature tests: `binary`, or one of RUNTIMES. */
export const ON_BINARY = process.env['REGMIRROR_FEATURES_ON'] !== undefined

/**
 * Of cases through which the same code goes: all of them in process, where they are cheap, and one on the
 * packaged program, which can fail at what is packed and not at what is decided.
 */
export function oneOnBinary<Case>(cases: readonly Case[]): readonly Case[] {
  return ON_BINARY ? cases.slice(0, 1) : cases
}

const ESTABLISHED = '01'

export async function startPackagedMirror(config: Config, log: Logger): Promise<RunningMirror> {
  const folder = new TempFolder('config')
  const { file, env, listen, registryAddresses } = await writeConfig(config, folder)
  const onLine = (line: string): void => {
    if (line.startsWith('{')) tellLine(line, log)
  }
  const program = new Program(binaryPath(), ['serve', '--config', file], { env, onLine })
  const ended = program.exited.then(() => folder.close())
  await listening(program)
  const ports = [listen, ...registryAddresses.values()].map(({ port }) => port)
  return {
    address: listen,
    registryAddresses,
    tls: undefined,
    dataFolder: config.data,
    roomReport: () => Promise.resolve(undefined),
    warming: undefined,
    get runningResponses() {
      return connections(ports)
    },
    drain: () => {
      program.signal('SIGTERM')
      return ended
    },
    stop: () => {
      program.signal('SIGTERM')
      program.signal('SIGINT')
      return ended
    },
  }
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
function connections(ports: readonly number[]): number {
  const locals = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, address, , state]) =>
        locals.some((local) => address?.endsWith(local)) && state === ESTABLISHED,
    ).length
}
