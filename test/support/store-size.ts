// What a data folder takes of the disk in the ways that a size limit counts, as `du` would say: now,
// and the most it ever was while a test ran.
import { globSync, lstatSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const COUNTED = ['blobs', 'staging', 'quarantine', 'index*']
const BLOCK_BYTES = 512

export function storeBytes(folder: string): number {
  const patterns = COUNTED.flatMap((name) => [name, `${name}/**`])
  const names = new Set(globSync(patterns, { cwd: folder }))
  return [...names].reduce((sum, name) => {
    // Files come and go meanwhile.
    const stats = lstatSync(path.join(folder, name), { throwIfNoEntry: false })
    return sum + (stats?.blocks ?? 0) * BLOCK_BYTES
  }, 0)
}

export class StoreSize implements AsyncDisposable {
  mostBytes = 0
  samples = 0
  readonly #ended = new AbortController()
  readonly #sampling: Promise<void>

  constructor(folder: string, everyMs = 5) {
    this.#sampling = this.#sample(folder, everyMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#sampling
  }

  async #sample(folder: string, everyMs: number): Promise<void> {
    while (!this.#ended.signal.aborted) {
      this.mostBytes = Math.max(this.mostBytes, storeBytes(folder))
      this.samples += 1
      await delay(everyMs)
    }
  }
}
