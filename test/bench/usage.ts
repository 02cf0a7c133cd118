// What Linux tells about a server: CPU seconds and peak memory of its process group, which a Program
// leads. So nginx counts with all its workers, and nothing a server starts goes uncounted.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface Usage<T> {
  readonly result: T
  readonly cpuSeconds: number
  readonly peakMiB: number
}

const TICKS_PER_SECOND = 100
// Of /proc/PID/stat, from the state on: utime and stime, and the same of children that have ended.
const OWN_AND_CHILDREN = [11, 15] as const
const CHILDREN = [13, 15] as const
const RESET_PEAK = '5'
const QUIET_MS = 200
const QUIET_CPU_SECONDS = 0.02
const MAX_QUIET_CHECKS = 150

// Until the server is quiet again: what it still does after its last answer is counted too, and does
// not fall into the turn of the next one.
export async function measureUsage<T>(pid: number, work: () => Promise<T>): Promise<Usage<T>> {
  for (const { folder } of members(pid)) writeFileSync(`${folder}/clear_refs`, RESET_PEAK)
  const before = cpuSeconds(pid)
  const result = await work()
  await quiet(pid)
  return { result, cpuSeconds: cpuSeconds(pid) - before, peakMiB: memoryMiB(pid, 'VmHWM') }
}

// Once it is: what it holds then, it holds until somebody asks for something.
export async function residentWhenQuiet(pid: number): Promise<number> {
  await quiet(pid)
  return memoryMiB(pid, 'VmRSS')
}

// Of all children of this process that have ended; for a command, which is gone when it is done.
export function endedChildrenCpuSeconds(): number {
  return ticksOf(statOf('/proc/self'), CHILDREN) / TICKS_PER_SECOND
}

// What its process group had the disk read, and did not find in the page cache.
export function diskBytesRead(pid: number): number {
  const bytes = members(pid).map(({ folder }) =>
    Number(/^read_bytes: (\d+)$/m.exec(readFileSync(`${folder}/io`, 'utf8'))?.[1] ?? 0),
  )
  return bytes.reduce((sum, value) => sum + value, 0)
}

async function quiet(pid: number): Promise<void> {
  let before = cpuSeconds(pid)
  for (let check = 0; check < MAX_QUIET_CHECKS; check += 1) {
    await delay(QUIET_MS)
    const now = cpuSeconds(pid)
    if (now - before < QUIET_CPU_SECONDS) return
    before = now
  }
  throw new Error(`process ${pid} is still busy long after its last answer`)
}

function cpuSeconds(pid: number): number {
  const ticks = members(pid).map(({ fields }) => ticksOf(fields, OWN_AND_CHILDREN))
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_SECOND
}

function ticksOf(fields: readonly string[], which: readonly [number, number]): number {
  return fields.slice(...which).reduce((sum, ticks) => sum + Number(ticks), 0)
}

function memoryMiB(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm')
  const kibibytes = members(pid).map(({ folder }) =>
    Number(pattern.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1] ?? 0),
  )
  return kibibytes.reduce((sum, value) => sum + value, 0) / 1024
}

interface Member {
  readonly folder: string
  readonly fields: readonly string[] // of /proc/PID/stat, from the state on
}

function members(group: number): Member[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Member[] => {
      const folder = `/proc/${name}`
      try {
        const fields = statOf(folder)
        return Number(fields[2]) === group ? [{ folder, fields }] : []
      } catch {
        return [] // it ended meanwhile
      }
    })
}

function statOf(folder: string): string[] {
  const stat = readFileSync(`${folder}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
