// The text of a list with what it includes → its lines, each understood or refused with what to write
// instead. The grammar:
//
//   line       = [WS] [entry / block / directive] [WS comment]
//   comment    = "#" anything                       at the start of a line or behind a blank
//   entry      = reference *(WS option)
//   reference  = ["docker://" / "https://"] name [":" tags] ["@" digest]
//   tags       = "^" regex / "/" regex "/" / (tag / glob) *("," (tag / glob))
//   option     = key ["=" value]                    a value may be in double quotes
//   block      = "!" name [":" glob]                with "*" anywhere in the name
//   directive  = "@" word *(WS word)                parse-directive.ts
//
// A name may end in `*` or `**`, and then means what was used under it. Tags hold none of
// `* ? [ { ^ / ,`, so no pattern is ever taken for a tag.

import { effectiveOptions } from './fitting-options.ts'
import { readingLines } from './lines.ts'
import type { EntryOptions, ListText, ParsedList, Place, Selector } from './list-entry.ts'
import { limitPassed } from './list-limits.ts'
import { quoted } from './mistake.ts'
import type { Directive, WrittenEntry } from './statement.ts'
import { atOnce } from './steps.ts'
import type { Steps } from './steps.ts'

export function parseList(list: ListText): ParsedList {
  return atOnce(parsingList(list))
}

/** The same, line by line. */
export function* parsingList(list: ListText): Steps<ParsedList> {
  const parsed: Growing = {
    ...{ entries: [], blocks: [], excludes: [], registries: [], windows: [], problems: [] },
    bytesPerSecond: undefined,
  }
  yield* addFile({ parsed, regexes: 0, isFull: false }, list, {})
  return parsed
}

type Growing = {
  -readonly [Key in keyof ParsedList]: ParsedList[Key] extends readonly (infer Each)[]
    ? Each[]
    : ParsedList[Key]
}

interface Reading {
  readonly parsed: Growing
  /** Lines whose tags are one. */
  regexes: number
  /** A limit is passed, and told: nothing more is read. */
  isFull: boolean
}

/** Defaults of an included file end with it; those above the `@include` hold in it. */
function* addFile(reading: Reading, list: ListText, defaultsAbove: EntryOptions): Steps<undefined> {
  const { parsed } = reading
  let defaults = defaultsAbove
  for (const { number, text, says } of readingLines(list.text)) {
    yield
    const place = { source: list.name, line: number }
    if (says.kind === 'entry') addEntry(parsed, { place, text }, says.entry, defaults)
    if (says.kind === 'block') parsed.blocks.push({ place, text, ...says.block })
    if (says.kind === 'wrong') {
      for (const problem of says.problems) parsed.problems.push({ ...place, ...problem })
    }
    if (says.kind === 'directive') {
      const { directive } = says
      if (directive.kind === 'defaults') defaults = { ...defaults, ...directive.options }
      else if (directive.kind !== 'include') addDirective(parsed, place, directive)
      else yield* include(reading, place, directive.file, list, defaults)
    }
    if (says.kind === 'entry' && says.entry.selectors.some(isRegex)) reading.regexes += 1
    if (isFull(reading, place)) return
  }
}

function isRegex({ kind }: Selector): boolean {
  return kind === 'regex'
}

function isFull(reading: Reading, place: Place): boolean {
  const { parsed, regexes } = reading
  const message = reading.isFull ? undefined : limitPassed(parsed, regexes)
  if (message !== undefined) {
    parsed.problems.push({ ...place, column: 1, message })
    reading.isFull = true
  }
  return reading.isFull
}

function addEntry(
  { entries }: Growing,
  where: { readonly place: Place; readonly text: string },
  { name, selectors, options: ownOptions }: WrittenEntry,
  defaults: EntryOptions,
): void {
  const options = effectiveOptions({ name, selectors }, ownOptions, defaults)
  entries.push({ ...where, name, selectors, options, ownOptions })
}

function* include(
  reading: Reading,
  place: Place,
  file: string,
  { includes = [] }: ListText,
  defaults: EntryOptions,
): Steps<undefined> {
  const included = includes.find(({ line }) => line === place.line)
  if (included) return yield* addFile(reading, included.list, defaults)
  const message = `${quoted(file)} was not read: only lists in files include others`
  reading.parsed.problems.push({ ...place, column: 1, message })
}

function addDirective(parsed: Growing, place: Place, directive: OfWholeList): void {
  switch (directive.kind) {
    case 'exclude':
      parsed.excludes.push(...directive.rules.map((rule) => ({ place, ...rule })))
      return
    case 'registry':
      parsed.registries.push({ place, ...directive.rule })
      return
    case 'window':
      parsed.windows.push({ place, ...directive.window })
      return
    case 'bandwidth':
      parsed.bytesPerSecond = Math.min(directive.bytesPerSecond, parsed.bytesPerSecond ?? Infinity)
  }
}

type OfWholeList = Exclude<Directive, { readonly kind: 'defaults' | 'include' }>
