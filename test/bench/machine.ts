// What a run ran on: figures of two machines are not to be compared.
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { binaryPath } from '../support/binary.ts'
import { run } from '../support/process.ts'
import type { Programs } from './programs.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly kernel: string
  readonly versions: readonly string[]
}

export async function describeMachine({ nginx, wrk }: Programs): Promise<Machine> {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
  const versions = [
    `regmirror ${await firstLine(binaryPath(), '--version')}`,
    await firstLine('docker-registry', '--version'),
    ...(nginx ? [await firstLine('nginx', '-v')] : []),
    wrk ? 'load by wrk' : 'load by undici',
  ]
  return {
    cpu: model ?? os.arch(),
    cores: os.availableParallelism(),
    memoryMiB: Math.round(os.totalmem() / 2 ** 20),
    kernel: `${os.type()} ${os.release()}`,
    versions,
  }
}

async function firstLine(command: string, flag: string): Promise<string> {
  const { lines } = await run(command, [flag])
  return lines.stdout[0] ?? lines.stderr[0] ?? ''
}
