// A list in the form in which lists are kept: names in full, lines sorted by their bytes, each of them
// once, comments with what they belong to. What it means stays the same.

import { fullName } from './full-name.ts'
import { readLines } from './lines.ts'
import type { Line, LineProblem } from './lines.ts'
import type { ListText } from './list-entry.ts'
import { unaliasing } from './list-rules.ts'
import type { Naming } from './name-pattern.ts'
import { parseList } from './parse-list.ts'
import { statementText } from './print-line.ts'
import type { Statement } from './statement.ts'

export type Formatted =
  | { readonly text: string }
  /** Of a list with wrong lines nothing is changed. */
  | { readonly problems: readonly (LineProblem & { readonly line: number })[] }

/**
 * A line or a directive with the comments directly above it; or comments alone, which are the heading of
 * what is below them. Nothing is ever moved over a heading or a directive.
 */
interface Part {
  readonly kind: 'line' | 'directive' | 'heading'
  readonly above: readonly string[]
  readonly text: string
  /** Behind it. */
  readonly comment: string | undefined
}

/** Of the list's own text: what it includes may give registries names. */
export function formatList(list: ListText, naming: Naming): Formatted {
  const lines = readLines(list.text)
  const problems = lines.flatMap(({ number, says }) =>
    says.kind === 'wrong' ? says.problems.map((problem) => ({ ...problem, line: number })) : [],
  )
  if (problems.length > 0) return { problems }
  const unaliased = unaliasing(parseList(list).registries)
  const inFull: InFull = (name) => fullName(name, naming, unaliased)
  const paragraphs = paragraphsOf(eachOnce(partsOf(lines, inFull)))
  const texts = paragraphs.map((parts) => parts.flatMap(textLines).join('\n'))
  if (texts.length === 0) return { text: '' }
  const [first, second] = paragraphs[0] ?? []
  // In the first line of a file it would be read as a heading.
  const isCommentOfLine =
    first?.kind === 'line' && first.above.length > 0 && second?.above.length === 0
  return { text: `${isCommentOfLine ? '\n' : ''}${texts.join('\n\n')}\n` }
}

type InFull = (name: string) => string

function partsOf(lines: readonly Line[], inFull: InFull): readonly Part[] {
  const parts: Part[] = []
  let above: string[] = []
  const endHeading = (): void => {
    if (above.length > 0) parts.push({ kind: 'heading', above, text: '', comment: undefined })
    above = []
  }
  for (const { number, says, comment } of lines) {
    if (says.kind === 'blank') endHeading()
    else if (says.kind === 'comment') above.push(comment ?? '')
    else if (says.kind !== 'wrong') {
      const kind = says.kind === 'directive' ? 'directive' : 'line'
      // What a file begins with is about all of it, where not each line has a comment of its own.
      const isFirst = kind === 'line' && above.length === number - 1
      if (isFirst && isEntryOrBlock(lines[number])) endHeading()
      parts.push({ kind, above, text: statementText(withNameInFull(says, inFull)), comment })
      above = []
    }
  }
  endHeading()
  return parts
}

function isEntryOrBlock(line: Line | undefined): boolean {
  return line?.says.kind === 'entry' || line?.says.kind === 'block'
}

function withNameInFull(says: Statement, inFull: InFull): Statement {
  switch (says.kind) {
    case 'entry':
      return { ...says, entry: { ...says.entry, name: inFull(says.entry.name) } }
    case 'block':
      return { ...says, block: { ...says.block, name: inFull(says.block.name) } }
    case 'directive':
      return says
  }
}

/** Lines that say the same are one, where it stands first, with the comments of all of them. */
function eachOnce(parts: readonly Part[]): readonly Part[] {
  const once: Part[] = []
  let places = new Map<string, number>()
  for (const part of parts) {
    const { kind, text } = part
    // What is written the same means something else below other defaults.
    if (kind === 'directive' && text.startsWith('@defaults')) places = new Map()
    const place = kind === 'line' ? places.get(text) : undefined
    if (place === undefined) places.set(text, once.push(part) - 1)
    else once[place] = together(once[place] ?? part, part)
  }
  return once
}

function together(one: Part, other: Part): Part {
  const comments = new Set([one.comment, other.comment].filter((each) => each !== undefined))
  const [comment, ...more] = comments
  const above = new Set([...one.above, ...other.above, ...more])
  return { ...one, above: [...above], comment }
}

/** Neighbours that stand together without blank lines between them, each paragraph of one kind. */
function paragraphsOf(parts: readonly Part[]): readonly (readonly Part[])[] {
  const paragraphs: Part[][] = []
  for (const part of parts) {
    const last = paragraphs.at(-1)
    const isOwn = part.kind === 'heading' || (part.kind === 'directive' && part.above.length > 0)
    if (last === undefined || isOwn || last[0]?.kind !== part.kind) paragraphs.push([part])
    else last.push(part)
  }
  return paragraphs.map((each) => (each[0]?.kind === 'line' ? sorted(each) : each))
}

function sorted(parts: readonly Part[]): readonly Part[] {
  return parts
    .map((part) => ({ part, bytes: Buffer.from(part.text) }))
    .toSorted((one, other) => Buffer.compare(one.bytes, other.bytes))
    .map(({ part }) => part)
}

function textLines({ kind, above, text, comment }: Part): readonly string[] {
  if (kind === 'heading') return above
  return [...above, comment === undefined ? text : `${text}  ${comment}`]
}
