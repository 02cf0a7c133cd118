// Puts right what has one remedy: what is found in a list → its text with the lines that were meant, and
// without those that are superfluous.

import type { Included, ListText } from './list-entry.ts'
import type { Finding } from './lint.ts'

export interface MendedLine {
  /** From 1, in the text as it was before. */
  readonly line: number
  readonly before: string
  /** Undefined: it is gone. */
  readonly after: string | undefined
}

export interface Mended {
  readonly list: ListText
  readonly lines: readonly MendedLine[]
}

/** Only of the list's own text: what it includes stays as it is. */
export function mendList(list: ListText, findings: readonly Finding[]): Mended {
  const own = findings.filter(({ source }) => source === list.name)
  const meant = new Map(own.map(({ line, instead }) => [line, instead] as const).filter(isKnown))
  const surplus = new Set(own.flatMap(({ line, isSurplus }) => (isSurplus ? line : [])))
  const lines: MendedLine[] = []
  const kept: string[] = []
  list.text.split('\n').forEach((typed, index) => {
    const line = index + 1
    const mark = index === 0 && typed.startsWith('\uFEFF') ? '\uFEFF' : ''
    const end = typed.endsWith('\r') ? '\r' : ''
    const before = typed.slice(mark.length, typed.length - end.length)
    const after = meant.get(line)
    if (after !== undefined) lines.push({ line, before, after })
    else if (surplus.has(line)) lines.push({ line, before, after: undefined })
    if (after !== undefined || !surplus.has(line)) kept.push(mark + (after ?? before) + end)
  })
  const gone = lines.flatMap(({ line, after }) => (after === undefined ? line : []))
  const { includes } = list
  return {
    list: {
      ...list,
      text: kept.join('\n'),
      ...(includes && { includes: includes.map((each) => moved(each, gone)) }),
    },
    lines,
  }
}

function isKnown(each: readonly [number, string | undefined]): each is readonly [number, string] {
  return each[1] !== undefined
}

/** What stands below a line that is gone. */
function moved(included: Included, gone: readonly number[]): Included {
  const above = gone.filter((line) => line < included.line).length
  return { ...included, line: included.line - above }
}
