// What the files of lists say, edited while it counts. One that is wrong or gone changes nothing: what was
// right last counts on.

import { stat } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '../errors.ts'
import type { ListText } from '../list/list-entry.ts'
import { atOnce } from '../list/steps.ts'
import type { Steps } from '../list/steps.ts'
import { inTurns } from './in-turns.ts'
import { readKeptList } from './read-list.ts'

/** Other files may belong to a list that was edited; their state is taken before they are read. */
const READS_OF_A_LOOK_MAX = 2

/** In the order of the paths; undefined: it could not be read, or not with all that it includes. */
export type ReadTexts = readonly (ListText | undefined)[]

export interface Understood<T> {
  /** Undefined: there are problems, or something could not be read. */
  readonly right: T | undefined
  readonly problems: readonly string[]
}

interface WatchedFilesEvents<T> {
  changed(right: T): void
  /** Sentences; told once, until a file changes again. */
  broken(problems: readonly string[]): void
}

interface ReadFiles {
  readonly lists: ReadTexts
  readonly problems: readonly string[]
  /** Absolute: every file that was read, or that was to be. */
  readonly files: readonly string[]
}

export class WatchedFiles<T> {
  readonly #paths: readonly string[]
  readonly #understand: (lists: ReadTexts) => Steps<Understood<T>>
  #current: T
  /** What `current` was made of. */
  #lists: ReadTexts
  #files: readonly string[]
  /** Of the files just before they were last read, whether they were right or not. */
  #seen: string | undefined
  #isBroken = false
  #lacking: readonly string[] = []
  #looking: Promise<void> | undefined

  /** `untilRight`: what counts until then. Where it is not given: throws ConfigError with every problem. */
  constructor(
    paths: readonly string[],
    understand: (lists: ReadTexts) => Steps<Understood<T>>,
    untilRight?: T,
  ) {
    this.#paths = paths
    this.#understand = understand
    const { lists, problems, files } = readFiles(paths)
    const understood = atOnce(understand(lists))
    const all = [...problems, ...understood.problems]
    const right = all.length > 0 ? undefined : understood.right
    if (right === undefined && untilRight === undefined) throw new ConfigError(all)
    this.#isBroken = right === undefined
    this.#lacking = right === undefined ? all : []
    this.#current = (right ?? untilRight) as T
    this.#lists = lists
    this.#files = files
  }

  get current(): T {
    return this.#current
  }

  /** What is the matter, while nothing was right yet. */
  get lacking(): readonly string[] {
    return this.#lacking
  }

  /** Whether the files have changed since the last look, and what they say now. */
  look(events: WatchedFilesEvents<T>): Promise<void> {
    this.#looking ??= this.#look(events).finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #look(events: WatchedFilesEvents<T>): Promise<void> {
    const read = await this.#readChanged()
    if (read === undefined) return
    const { lists } = read
    const isAsBefore = isDeepStrictEqual(lists, this.#lists)
    if (isAsBefore && !this.#isBroken) return
    // Requests go on meanwhile: long lists take their time.
    const { right, problems } = await inTurns(this.#understand(lists))
    const all = [...read.problems, ...problems]
    this.#isBroken = right === undefined || all.length > 0
    if (right === undefined || all.length > 0) return this.#tellBroken(all, events)
    this.#lacking = []
    this.#current = right
    this.#lists = lists
    events.changed(right)
  }

  /** What was told at the start is not told again by the first look. */
  #tellBroken(problems: readonly string[], events: WatchedFilesEvents<T>): void {
    if (isDeepStrictEqual(problems, this.#lacking)) return
    if (this.#lacking.length > 0) this.#lacking = problems
    events.broken(problems)
  }

  /** Undefined: nothing has changed, or not all of it is written yet, which the next look finds out. */
  async #readChanged(): Promise<ReadFiles | undefined> {
    for (let reads = 0; reads < READS_OF_A_LOOK_MAX; reads += 1) {
      const files = this.#files
      const before = await stateOf(files)
      if (before === this.#seen) return undefined
      const read = readFiles(this.#paths)
      this.#files = read.files
      if (!isDeepStrictEqual(files, read.files)) continue
      if ((await stateOf(files)) !== before) return undefined
      this.#seen = before
      return read
    }
    return undefined
  }
}

function readFiles(paths: readonly string[]): ReadFiles {
  const read = paths.map(readKeptList)
  return {
    lists: read.map(({ list, problems }) => (problems.length === 0 ? list : undefined)),
    problems: read.flatMap(({ problems }) => problems),
    files: read.flatMap(({ files }) => files),
  }
}

/** Follows links: the file behind one has another inode after a swap. */
async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map(async (file) => {
      try {
        const { dev, ino, mtimeMs, ctimeMs, size } = await stat(file)
        return [file, dev, ino, mtimeMs, ctimeMs, size].join(':')
      } catch (error) {
        return `${file}:${(error as NodeJS.ErrnoException).code}`
      }
    }),
  )
  return states.join('\n')
}
