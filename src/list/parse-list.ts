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
import { readLines } from './lines.ts'
import type { EntryOptions, ListText, ParsedList, Place } from './list-entry.ts'
import { quoted } from './mistake.ts'
import type { Directive, WrittenEntry } from './statement.ts'

export function parseList(list: ListText): ParsedList {
  const parsed: Growing = {
    ...{ entries: [], blocks: [], excludes: [], registries: [], windows: [], problems: [] },
    bytesPerSecond: undefined,
  }
  addFile(parsed, list, {})
  return parsed
}

type Growing = {
  -readonly [Key in keyof ParsedList]: ParsedList[Key] extends readonly (infer Each)[]
    ? Each[]
    : ParsedList[Key]
}

/** Defaults of an included file end with it; those above the `@include` hold in it. */
function addFile(parsed: Growing, list: ListText, defaultsAbove: EntryOptions): void {
  let defaults = defaultsAbove
  for (const { number, text, says } of readLines(list.text)) {
    const place = { source: list.name, line: number }
    if (says.kind === 'entry') addEntry(parsed, { place, text }, says.entry, defaults)
    if (says.kind === 'block') parsed.blocks.push({ place, text, ...says.block })
    if (says.kind === 'wrong') {
      for (const problem of says.problems) parsed.problems.push({ ...place, ...problem })
    }
    if (says.kind !== 'directive') continue
    const { directive } = says
    if (directive.kind === 'defaults') defaults = { ...defaults, ...directive.options }
    else if (directive.kind === 'include') include(parsed, place, directive.file, list, defaults)
    else addDirective(parsed, place, directive)
  }
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

function include(
  parsed: Growing,
  place: Place,
  file: string,
  { includes = [] }: ListText,
  defaults: EntryOptions,
): void {
  const included = includes.find(({ line }) => line === place.line)
  if (included) return addFile(parsed, included.list, defaults)
  const message = `${quoted(file)} was not read: only lists in files include others`
  parsed.problems.push({ ...place, column: 1, message })
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
