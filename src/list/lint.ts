// What whoever keeps a list should look at: what the parser refuses, and lines that are understood and
// will hardly do what was meant by them. Upstream is not asked.

import { parseRepositoryName } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Access, Verdict } from './access.ts'
import { aimlessOptions } from './aimless-options.ts'
import { rulingLine } from './covers-access.ts'
import { coveringLine, meaningOf, wideLines, widerLine } from './covers.ts'
import type { Covering, WideLine } from './covers.ts'
import { fullName } from './full-name.ts'
import type { ListEntry, ListProblem, ParsedList, Place } from './list-entry.ts'
import { ListRules } from './list-rules.ts'
import type { Naming } from './name-pattern.ts'

export interface Finding extends ListProblem {
  /** Of a line that says what another one says: nothing is lost without it. */
  readonly sameAs?: Place
}

export interface LintFacts {
  readonly naming: Naming
  /** What may be had; undefined: everything. */
  readonly access: Access | undefined
  /** Of a list that is there for it: what its lines do to images. */
  readonly ruling?: 'allows' | 'blocks' | undefined
}

export function lintList(list: ParsedList, facts: LintFacts): readonly Finding[] {
  const lines = new Lines(list, facts)
  return inOrder([
    ...list.problems,
    ...list.entries.flatMap((entry) => lines.findings(entry)),
    ...list.registries.flatMap(({ place, host }) => lines.registryFindings(place, host)),
  ])
}

/** File by file, as they stand there. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const sources = [...new Set(findings.map(({ source }) => source))]
  const order = new Map(sources.map((source, index) => [source, index]))
  return findings.toSorted(
    (one, other) =>
      (order.get(one.source) ?? 0) - (order.get(other.source) ?? 0) ||
      one.line - other.line ||
      one.column - other.column,
  )
}

/** A line that means a repository which is served. */
interface Known {
  readonly entry: ListEntry
  readonly fullName: string
  /** Undefined: a name with `*`. */
  readonly repository: Repository | undefined
}

/** No pattern has been written for it but those for every tag. */
const ANY_TAG = 'x0any0x' as Tag

class Lines {
  readonly #naming: Naming
  readonly #facts: LintFacts
  readonly #rules: ListRules
  readonly #known = new Map<ListEntry, Known>()
  readonly #byName = new Map<string, ListEntry[]>()
  readonly #wide: readonly WideLine[]
  readonly #isWhole: boolean
  /** By what they mean, the first of those that mean the same. */
  readonly #first = new Map<string, ListEntry>()

  constructor(list: ParsedList, facts: LintFacts) {
    this.#facts = facts
    this.#rules = new ListRules(list, facts.naming)
    this.#naming = (name) => facts.naming(this.#rules.unaliased(name))
    this.#wide = wideLines(list.entries, this.#naming)
    this.#isWhole = list.problems.length === 0
    for (const entry of list.entries) this.#add(entry)
  }

  #add(entry: ListEntry): void {
    const meant = this.#naming(entry.name)
    if ('refused' in meant) return
    const { registry } = meant
    const name = parseRepositoryName(meant.name)
    const known = {
      entry,
      fullName: `${registry}/${meant.name}`,
      repository: name && { registry, name },
    }
    this.#known.set(entry, known)
    const others = this.#byName.get(known.fullName)
    if (others === undefined) this.#byName.set(known.fullName, [entry])
    else others.push(entry)
    const meaning = meaningOf(entry, known.fullName)
    if (!this.#first.has(meaning)) this.#first.set(meaning, entry)
  }

  findings(entry: ListEntry): readonly Finding[] {
    const known = this.#known.get(entry)
    if (known === undefined) return this.#refused(entry)
    return [
      ...this.#renamed(entry),
      ...(this.#surplus(known) ?? this.#blocked(known) ?? this.#denied(known) ?? []),
      ...aimlessOptions(entry).map(({ key, message }) => at(entry, message, optionAt(entry, key))),
    ]
  }

  registryFindings(place: Place, host: string): readonly Finding[] {
    const meant = this.#naming(`${host}/any`)
    const column = '@registry '.length + 1
    if ('refused' in meant) return [{ ...place, column, message: meant.refused }]
    const isOfLine = ({ fullName: name }: Known): boolean => name.startsWith(`${meant.registry}/`)
    // Lines that are not understood, or are in a file that is not there, may be of it.
    if (!this.#isWhole || [...this.#known.values()].some(isOfLine)) return []
    return [
      { ...place, column, message: `no line of the list is of ${host}: this changes nothing` },
    ]
  }

  #refused(entry: ListEntry): readonly Finding[] {
    const meant = this.#naming(entry.name)
    return 'refused' in meant ? [at(entry, meant.refused)] : []
  }

  #renamed(entry: ListEntry): readonly Finding[] {
    const { name, text } = entry
    const host = name.slice(0, Math.max(0, name.indexOf('/'))).toLowerCase()
    const full = fullName(name, this.#facts.naming, this.#rules.unaliased)
    if (!/[.:]/.test(host) || full.startsWith(`${host}/`)) return []
    const called = full.slice(0, full.indexOf('/'))
    const message = `${host} is another name of ${called}: write ${full}`
    return [{ ...at(entry, message), instead: text.replace(name, () => full) }]
  }

  #surplus({ entry, fullName: name, repository }: Known): readonly Finding[] | undefined {
    const first = this.#first.get(meaningOf(entry, name))
    if (first !== undefined && first !== entry) {
      const message = `${lineOf(first, entry)} means the same: remove this one`
      return [{ ...at(entry, message), sameAs: first.place }]
    }
    const others = this.#byName.get(name) ?? []
    const message = this.#ruled(entry, others) ?? this.#covered(entry, others, repository)
    return message === undefined ? undefined : [at(entry, message)]
  }

  #ruled(entry: ListEntry, others: readonly ListEntry[]): string | undefined {
    const { ruling } = this.#facts
    const wider = ruling && rulingLine(entry, others, this.#wide, this.#naming)
    return wider && `${lineOf(wider, entry)} ${ruling} this too`
  }

  #covered(
    entry: ListEntry,
    others: readonly ListEntry[],
    repository: Repository | undefined,
  ): string | undefined {
    const covering = repository && coveringLine(entry, others, this.#rules.of(repository))
    if (covering) return coveredBy(covering, entry)
    const wider = widerLine(entry, this.#wide, this.#naming)
    return wider && `${lineOf(wider, entry)} stands for this too: remove this one`
  }

  #blocked({ entry, repository }: Known): readonly Finding[] | undefined {
    if (repository === undefined) return undefined
    const { isBlocked } = this.#rules.of(repository)
    if (isBlocked(undefined) || isBlocked(ANY_TAG)) {
      return [at(entry, `a line with "!" blocks every tag of ${entry.name}: remove one of them`)]
    }
    const blocked = tagsOf(entry).filter(isBlocked)
    if (blocked.length === 0) return undefined
    const tags = blocked.join(', ')
    return [at(entry, `a line with "!" blocks ${tags}: no run fetches it`)]
  }

  #denied({ entry, repository }: Known): readonly Finding[] | undefined {
    const { access } = this.#facts
    if (access === undefined || repository === undefined) return undefined
    const whole = access.verdict(repository, undefined)
    if (whole !== 'allowed') return [at(entry, denied(whole, entry.name))]
    const tags = tagsOf(entry).flatMap((tag) => {
      const verdict = access.verdict(repository, tag)
      return verdict === 'allowed' ? [] : [at(entry, denied(verdict, `${entry.name}:${tag}`))]
    })
    return tags.length === 0 ? undefined : tags
  }
}

function tagsOf({ selectors }: ListEntry): readonly Tag[] {
  return selectors.flatMap((each) => (each.kind === 'tag' ? [each.tag] : []))
}

function denied(verdict: Verdict, what: string): string {
  const isBlocked = verdict === 'blocked' || verdict === 'blocked-tag'
  if (isBlocked) return `${what} is blocked by what --allow and --block say: no run fetches it`
  return `the list of --allow has no line for ${what}: no run fetches it`
}

function coveredBy({ line, tagsMax }: Covering, entry: ListEntry): string {
  const where = lineOf(line, entry)
  if (tagsMax === undefined) return `${where} stands for this too: remove this one`
  if (tagsMax === Infinity) return `${where} selects this too, where upstream lists it`
  return `${where} selects this too, as long as it selects no more than ${tagsMax} tags`
}

function lineOf({ place, text }: ListEntry, other: ListEntry): string {
  const where = place.source === other.place.source ? 'line ' : `${place.source}:`
  return `${where}${place.line} (${text.replace(/\s#.*$/, '').trim()})`
}

/** In characters, from 1. */
function at({ place, text }: ListEntry, message: string, index = text.search(/\S/)): Finding {
  return { ...place, column: Array.from(text.slice(0, index)).length + 1, message }
}

function optionAt({ text }: ListEntry, key: string): number {
  return Math.max(0, text.search(new RegExp(`(?<=\\s)${key}=`)))
}
