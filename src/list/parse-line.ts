// One line of a list: a reference and its options, or nothing.

import type { ListEntry } from './list-entry.ts'
import type { Mistake } from './mistake.ts'
import { misunderstoodLine } from './misunderstood.ts'
import { parseOptions } from './parse-options.ts'
import { parseReference } from './parse-reference.ts'
import { readWords } from './words.ts'

/** Longer lines are refused unread. */
const LINE_LENGTH_MAX = 8192
/** Who wrote prose into a list is told soon enough. */
const MISTAKES_MAX = 8

export interface ParsedLine {
  /** Undefined for a line that says nothing, or has mistakes. */
  readonly entry: Pick<ListEntry, 'name' | 'selectors' | 'options'> | undefined
  readonly mistakes: readonly Mistake[]
}

export function parseLine(line: string): ParsedLine {
  if (line.length > LINE_LENGTH_MAX) {
    const message = `a line has at most ${LINE_LENGTH_MAX} characters: this one has ${line.length}`
    return refused({ at: LINE_LENGTH_MAX, message })
  }
  const words = readWords(line)
  if ('mistake' in words) return refused(words.mistake)
  const [first, ...others] = words.value
  if (first === undefined) return { entry: undefined, mistakes: [] }
  const misunderstood = misunderstoodLine(words.value)
  if (misunderstood) return refused(misunderstood)
  const reference = parseReference(first)
  const { options, mistakes } = parseOptions(others)
  if ('mistake' in reference) return refused(reference.mistake, ...mistakes)
  if (mistakes.length > 0) return refused(...mistakes)
  return { entry: { ...reference.value, options }, mistakes: [] }
}

function refused(...mistakes: readonly Mistake[]): ParsedLine {
  return { entry: undefined, mistakes: mistakes.slice(0, MISTAKES_MAX) }
}
