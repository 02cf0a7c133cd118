// The operator's lists of what may be had of the mirror, in files that are edited while it runs.

import type { Logger } from '../lib/log.ts'
import { accessProblems, unservedLines } from '../list/access-problems.ts'
import { creatingAccess } from '../list/access.ts'
import type { Access, AccessLists, Verdict } from '../list/access.ts'
import type { ListProblem, ListText, ParsedList } from '../list/list-entry.ts'
import type { Naming } from '../list/name-pattern.ts'
import { parsingList } from '../list/parse-list.ts'
import type { Steps } from '../list/steps.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { problemLines } from './problem-lines.ts'
import { WatchedFiles } from './watched-files.ts'
import type { Understood } from './watched-files.ts'

/** Events of the file system miss what Kubernetes and network folders do. */
const LOOK_MS = 1000
/** Lists are shared by mirrors that serve different registries. */
const UNSERVED_TOLD_MAX = 10

export interface AccessFilesOptions {
  /** Paths; at least one. */
  readonly allow: string | undefined
  readonly block: string | undefined
  readonly naming: Naming
  readonly log: Logger
}

interface RightAccess {
  readonly access: Access
  /** What is served now, a sentence. */
  readonly told: string
  /** Lines that count for nothing. */
  readonly unserved: readonly ListProblem[]
}

export class AccessFiles implements Access {
  readonly #log: Logger
  readonly #files: WatchedFiles<RightAccess>
  #timer: NodeJS.Timeout | undefined

  /** Throws ConfigError with every problem. */
  constructor(options: AccessFilesOptions) {
    const { allow, block, naming, log } = options
    const paths = [allow, block].filter((path) => path !== undefined)
    this.#log = log
    this.#files = new WatchedFiles(paths, (lists) => {
      const [allowed, blocked] = allow === undefined ? [undefined, lists[0]] : lists
      return understanding({ allow: allowed, block: blocked }, naming)
    })
    this.#tell(this.#files.current)
  }

  verdict(repository: Repository, tag: Tag | undefined): Verdict {
    return this.#files.current.access.verdict(repository, tag)
  }

  /** From here on the files are read again when they change. */
  watch(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref()
  }

  async look(): Promise<void> {
    await this.#files.look({
      changed: (right) => this.#tell(right, 'read again: '),
      broken: (problems) => {
        const stays =
          'what is served stays as it was, since its lists cannot be used as they are now:'
        for (const each of [stays, ...problems]) this.#log.warn(each)
      },
    })
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #tell({ told, unserved }: RightAccess, since = ''): void {
    this.#log.info(since + told)
    for (const line of problemLines(unserved, UNSERVED_TOLD_MAX)) this.#log.warn(line)
  }
}

interface UnservedLines {
  readonly entries: readonly ListProblem[]
  readonly blocks: readonly ListProblem[]
}

interface Unserved {
  readonly allow: UnservedLines | undefined
  readonly block: UnservedLines | undefined
}

interface AccessTexts {
  readonly allow: ListText | undefined
  readonly block: ListText | undefined
}

function* understanding(texts: AccessTexts, naming: Naming): Steps<Understood<RightAccess>> {
  const allow = texts.allow && (yield* parsingList(texts.allow))
  const block = texts.block && (yield* parsingList(texts.block))
  const lists = { allow, block }
  const unserved = {
    allow: allow && (yield* unservedLines(allow, naming)),
    block: block && (yield* unservedLines(block, naming)),
  }
  const wrong = problemLines(accessProblems(lists))
  const problems = wrong.length > 0 ? wrong : emptyProblems(texts, lists, unserved)
  if (problems.length > 0) return { right: undefined, problems }
  const access = yield* creatingAccess(lists, naming)
  const inAllow = [...(unserved.allow?.entries ?? []), ...(unserved.allow?.blocks ?? [])]
  const all = [...inAllow, ...(unserved.block?.entries ?? [])]
  return { right: { access, told: told(texts, lists), unserved: all }, problems }
}

/** A file that was just emptied is neither to close the mirror to everybody nor to open it. */
function emptyProblems(
  texts: AccessTexts,
  { allow, block }: AccessLists,
  unserved: Unserved,
): readonly string[] {
  const inAllow = emptyProblem(allow, unserved.allow?.entries, {
    says: `${texts.allow?.name} allows nothing`,
    remedy: 'name repositories in it, such as docker.io/library/*',
  })
  const inBlock = emptyProblem(block, unserved.block?.entries, {
    says: `${texts.block?.name} blocks nothing`,
    remedy: 'name repositories in it, or start without --block',
  })
  return [...inAllow, ...inBlock]
}

function emptyProblem(
  list: ParsedList | undefined,
  unserved: readonly ListProblem[] = [],
  { says, remedy }: { readonly says: string; readonly remedy: string },
): readonly string[] {
  if (list === undefined || list.entries.length > unserved.length) return []
  if (list.entries.length === 0) return [`${says}: ${remedy}`]
  const lines = problemLines(unserved, UNSERVED_TOLD_MAX)
  return [...lines, `${says}: this mirror serves none of the registries in it`]
}

function told(texts: AccessTexts, { allow, block }: AccessLists): string {
  const blocked = block && `${texts.block?.name} names (${linesOf(block)})`
  if (allow === undefined) return `what ${blocked} is not served`
  const allowed = `only what ${texts.allow?.name} names is served (${linesOf(allow)})`
  return blocked === undefined ? allowed : `${allowed}, and not what ${blocked}`
}

function linesOf({ entries }: ParsedList): string {
  return entries.length === 1 ? '1 line' : `${entries.length} lines`
}
