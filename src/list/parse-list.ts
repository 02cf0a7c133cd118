// The text of a list → its lines, each understood or refused with what to write instead. The grammar:
//
//   line       = [WS] [reference *(WS option)] [WS comment]
//   comment    = "#" anything                       at the start of a line or behind a blank
//   reference  = ["docker://" / "https://"] name [":" tags] ["@" digest]
//   tags       = "^" regex / "/" regex "/" / (tag / glob) *("," (tag / glob))
//   option     = key ["=" value]                    a value may be in double quotes
//
// Tags hold none of `* ? [ { ^ / ,`, so no pattern is ever taken for a tag.

import type { ListEntry, ListProblem, ParsedList } from './list-entry.ts'
import type { Mistake } from './mistake.ts'
import { parseLine } from './parse-line.ts'

export function parseList({ name, text }: { name: string; text: string }): ParsedList {
  const entries: ListEntry[] = []
  const problems: ListProblem[] = []
  linesOf(text).forEach((line, index) => {
    const place = { source: name, line: index + 1 }
    const { entry, mistakes } = parseLine(line)
    if (entry) entries.push({ place, text: line, ...entry })
    for (const mistake of mistakes) problems.push({ ...place, ...problemOf(mistake, line) })
  })
  return { entries, problems }
}

function problemOf(
  { at, message }: Mistake,
  line: string,
): Pick<ListProblem, 'column' | 'message'> {
  return { column: Array.from(line.slice(0, at)).length + 1, message }
}

function linesOf(text: string): string[] {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text
  return withoutMark.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
}
