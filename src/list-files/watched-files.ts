// What the files of lists say, edited while it counts. One that is wrong or gone changes nothing: what was
// right last counts on.

import { stat } from 'node:fs/promises'
import { ConfigError } from '../errors.ts'

export interface ReadFiles<T> {
  /** Undefined: there are problems. */
  readonly right: T | undefined
  readonly problems: readonly string[]
  /** Absolute: every file that was read, or that was to be. */
  readonly files: readonly string[]
}

export interface WatchedFilesEvents<T> {
  changed(right: T): void
  /** Sentences; told once, until a file changes again. */
  broken(problems: readonly string[]): void
}

export class WatchedFiles<T> {
  readonly #read: () => ReadFiles<T>
  #current: T
  #files: readonly string[]
  /** Of the files when they were last read, whether they were right or not. */
  #seen: string | undefined
  #isBroken = false
  #looking: Promise<void> | undefined

  /** Throws ConfigError with every problem. */
  constructor(read: () => ReadFiles<T>) {
    this.#read = read
    const { right, problems, files } = read()
    if (right === undefined) throw new ConfigError(problems)
    this.#current = right
    this.#files = files
  }

  get current(): T {
    return this.#current
  }

  /** Whether the files have changed since the last look, and what they say now. */
  look(events: WatchedFilesEvents<T>): Promise<void> {
    this.#looking ??= this.#look(events).finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #look(events: WatchedFilesEvents<T>): Promise<void> {
    const state = await stateOf(this.#files)
    if (state === this.#seen) return
    const { right, problems, files } = this.#read()
    // Somebody is writing them now: the next look sees that they changed once more.
    if ((await stateOf(this.#files)) !== state) return
    this.#files = files
    this.#seen = await stateOf(files)
    if (right === undefined) {
      this.#isBroken = true
      events.broken(problems)
      return
    }
    const isNews = this.#isBroken || JSON.stringify(right) !== JSON.stringify(this.#current)
    this.#isBroken = false
    this.#current = right
    if (isNews) events.changed(right)
  }
}

/** Follows links: the file behind one has another inode after a swap. */
async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map(async (file) => {
      try {
        const { dev, ino, mtimeMs, size } = await stat(file)
        return [dev, ino, mtimeMs, size].join(':')
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code)
      }
    }),
  )
  return states.join(' ')
}
