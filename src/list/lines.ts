// One file of a list, line by line: what each says, its comment, or what is wrong with it. What it
// includes is not looked at.

import type { ListProblem } from './list-entry.ts'
import type { Mistake } from './mistake.ts'
import { meantLine, parseLine } from './parse-line.ts'
import type { Statement } from './statement.ts'

export interface Line {
  /** From 1. */
  readonly number: number
  /** As it stands there, without what ends it. */
  readonly text: string
  readonly says: Statement | Unsaid
  /** Behind what it says, or all of the line: with its `#`, without blanks around it. */
  readonly comment: string | undefined
}

type Unsaid =
  | { readonly kind: 'blank' }
  | { readonly kind: 'comment' }
  /** At least one. */
  | { readonly kind: 'wrong'; readonly problems: readonly LineProblem[] }

export type LineProblem = Pick<ListProblem, 'column' | 'message' | 'instead'>

export function readLines(text: string): readonly Line[] {
  return [...readingLines(text)]
}

/** Each is read when it is asked for. */
export function* readingLines(text: string): Generator<Line, undefined, undefined> {
  let number = 0
  for (const line of textsOf(text)) yield { number: (number += 1), text: line, ...readLine(line) }
}

function readLine(line: string): Pick<Line, 'says' | 'comment'> {
  const { statement, comment, mistakes } = parseLine(line)
  if (mistakes.length > 0) {
    return { says: { kind: 'wrong', problems: problemsOf(line, mistakes) }, comment: undefined }
  }
  if (statement) return { says: statement, comment }
  return { says: { kind: comment === undefined ? 'blank' : 'comment' }, comment }
}

function problemsOf(line: string, mistakes: readonly Mistake[]): readonly LineProblem[] {
  const instead = meantLine(line, mistakes)
  return mistakes.map(({ at, message }) => ({
    column: Array.from(line.slice(0, at)).length + 1,
    message,
    ...(instead !== undefined && { instead }),
  }))
}

/** Without a byte order mark; the end of the last line begins no other. */
function textsOf(text: string): readonly string[] {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text
  const lines = withoutMark
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}
