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
  return { result, cpuSeconds: cpuSeconds(pid) - before, peakMiB: peakMiB(pid) }
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
  // utime, stime, and the same of children that have ended
  const ticks = members(pid).flatMap(({ fields }) => fields.slice(11, 15).map(Number))
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_SECOND
}

function peakMiB(pid: number): number {
  const peaks = members(pid).map(({ folder }) => {
    const status = readFileSync(`${folder}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
  })
  return peaks.reduce((sum, value) => sum + value, 0)
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
        const stat = readFileSync(`${folder}/stat`, 'utf8')
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return Number(fields[2]) === group ? [{ folder, fields }] : []
      } catch {
        return [] // it ended meanwhile
      }
    })
}
