// One line of a list: what it says, the comment behind it, or what is wrong with it.

import { misfitsOf } from './fitting-options.ts'
import { MISTAKES_MAX } from './keyed-words.ts'
import { fixed } from './mistake.ts'
import type { Mistake } from './mistake.ts'
import { misunderstoodLine } from './misunderstood.ts'
import { parseBlock } from './parse-block.ts'
import { parseDirective } from './parse-directive.ts'
import { parseOptions } from './parse-options.ts'
import { parseReference } from './parse-reference.ts'
import type { Statement } from './statement.ts'
import { readWords } from './words.ts'
import type { Word } from './words.ts'

/** Longer lines are refused unread. */
const LINE_LENGTH_MAX = 8192
/** What is wrong with a line is one thing or two, seldom more. */
const FIXES_MAX = 8

interface ParsedLine {
  /** Undefined for a line that says nothing, or has mistakes. */
  readonly statement: Statement | undefined
  /** With its `#`. */
  readonly comment: string | undefined
  readonly mistakes: readonly Mistake[]
}

export function parseLine(line: string): ParsedLine {
  if (line.length > LINE_LENGTH_MAX) {
    const message = `a line has at most ${LINE_LENGTH_MAX} characters: this one has ${line.length}`
    return refused([{ at: LINE_LENGTH_MAX, message }])
  }
  const read = readWords(line)
  if ('mistake' in read) return refused([read.mistake])
  const { words, comment } = read.value
  const [first, ...others] = words
  if (first === undefined) return { statement: undefined, comment, mistakes: [] }
  const statement = parseStatement(first, others)
  if ('mistakes' in statement) return refused(statement.mistakes)
  return { statement: statement.value, comment, mistakes: [] }
}

/** The line that was meant, where every mistake in it has one remedy. */
export function meantLine(line: string, mistakes: readonly Mistake[]): string | undefined {
  let meant = line
  let [mistake] = mistakes
  for (let fixes = 0; mistake?.fix && fixes < FIXES_MAX; fixes += 1) {
    meant = fixed(meant, mistake.fix)
    const again = parseLine(meant)
    if (again.mistakes.length === 0) return meant
    ;[mistake] = again.mistakes
  }
  return undefined
}

function refused(mistakes: readonly Mistake[]): ParsedLine {
  const shown = mistakes.slice(0, MISTAKES_MAX)
  return { statement: undefined, comment: undefined, mistakes: shown }
}

type ReadStatement = { readonly value: Statement } | { readonly mistakes: readonly Mistake[] }

function parseStatement(first: Word, others: readonly Word[]): ReadStatement {
  if (first.text.startsWith('@')) {
    const read = parseDirective(first, others)
    return 'mistakes' in read ? read : { value: { kind: 'directive', directive: read.value } }
  }
  if (first.text.startsWith('!')) {
    const read = parseBlock([first, ...others])
    return 'mistake' in read
      ? { mistakes: [read.mistake] }
      : { value: { kind: 'block', block: read.value } }
  }
  return parseEntry(first, others)
}

function parseEntry(first: Word, others: readonly Word[]): ReadStatement {
  const misunderstood = misunderstoodLine([first, ...others])
  if (misunderstood) return { mistakes: [misunderstood] }
  const reference = parseReference(first)
  const { values: options, places, mistakes } = parseOptions(others)
  if ('mistake' in reference) return { mistakes: [reference.mistake, ...mistakes] }
  if (mistakes.length > 0) return { mistakes }
  const misfits = misfitsOf(reference.value, options).map(({ option, message }) => ({
    at: places.get(option) ?? first.at,
    message,
  }))
  if (misfits.length > 0) return { mistakes: misfits }
  return { value: { kind: 'entry', entry: { ...reference.value, options } } }
}
