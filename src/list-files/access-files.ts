// The operator's lists of what may be had of the mirror, in files that are edited while it runs.

import type { Logger } from '../lib/log.ts'
import { accessProblems } from '../list/access-problems.ts'
import { createAccess } from '../list/access.ts'
import type { Access, AccessLists, Verdict } from '../list/access.ts'
import type { ParsedList } from '../list/list-entry.ts'
import type { Naming } from '../list/name-pattern.ts'
import { parseList } from '../list/parse-list.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { problemLines } from './problem-lines.ts'
import { readListFile } from './read-list.ts'
import type { ReadList } from './read-list.ts'
import { WatchedFiles } from './watched-files.ts'
import type { ReadFiles } from './watched-files.ts'

/** Events of the file system miss what Kubernetes and network folders do. */
const LOOK_MS = 1000

export interface AccessFilesOptions {
  /** Paths; at least one. */
  readonly allow: string | undefined
  readonly block: string | undefined
  readonly naming: Naming
  readonly log: Logger
}

export class AccessFiles implements Access {
  readonly #options: AccessFilesOptions
  readonly #files: WatchedFiles<AccessLists>
  #access: Access
  #timer: NodeJS.Timeout | undefined

  /** Throws ConfigError with every problem. */
  constructor(options: AccessFilesOptions) {
    this.#options = options
    this.#files = new WatchedFiles(() => readLists(options))
    this.#access = createAccess(this.#files.current, options.naming)
    options.log.info(told(this.#files.current, options))
  }

  verdict(repository: Repository, tag: Tag | undefined): Verdict {
    return this.#access.verdict(repository, tag)
  }

  /** From here on the files are read again when they change. */
  watch(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref()
  }

  async look(): Promise<void> {
    const { log, naming } = this.#options
    await this.#files.look({
      changed: (lists) => {
        this.#access = createAccess(lists, naming)
        log.info(`read again: ${told(lists, this.#options)}`)
      },
      broken: (problems) => {
        log.warn('what is served stays as it was, since its lists cannot be used as they are now:')
        for (const problem of problems) log.warn(problem)
      },
    })
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function readLists({ allow, block }: AccessFilesOptions): ReadFiles<AccessLists> {
  const allowed = allow === undefined ? undefined : readListFile(allow)
  const blocked = block === undefined ? undefined : readListFile(block)
  const lists = { allow: parsedOf(allowed), block: parsedOf(blocked) }
  const unread = [...(allowed?.problems ?? []), ...(blocked?.problems ?? [])]
  const problems = [...unread, ...problemLines(accessProblems(lists))]
  // A file that was just emptied is not to close the mirror to everybody.
  if (problems.length === 0 && lists.allow?.entries.length === 0) {
    problems.push(`${allow} allows nothing: name repositories in it, such as docker.io/library/*`)
  }
  return {
    right: problems.length === 0 ? lists : undefined,
    problems,
    files: [...(allowed?.files ?? []), ...(blocked?.files ?? [])],
  }
}

/** What could not be included is told once. */
function parsedOf(read: ReadList | undefined): ParsedList | undefined {
  return read?.list && read.problems.length === 0 ? parseList(read.list) : undefined
}

function told({ allow, block }: AccessLists, files: AccessFilesOptions): string {
  const blocked = block && `${files.block} names (${linesOf(block)})`
  if (allow === undefined) return `what ${blocked} is not served`
  const allowed = `only what ${files.allow} names is served (${linesOf(allow)})`
  return blocked === undefined ? allowed : `${allowed}, and not what ${blocked}`
}

function linesOf({ entries }: ParsedList): string {
  return entries.length === 1 ? '1 line' : `${entries.length} lines`
}
