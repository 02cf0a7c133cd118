// Puts right what has one remedy: what is found in a list → its text with the lines that were meant, and
// without those that are superfluous. No comment is lost.

import { readLines } from './lines.ts'
import type { Included, ListText } from './list-entry.ts'
import type { Finding } from './lint.ts'

export interface MendedLine {
  /** From 1, in the text as it was before. */
  readonly line: number
  readonly before: string
  /** Undefined: it is gone. */
  readonly after: string | undefined
}

interface Mended {
  readonly list: ListText
  readonly lines: readonly MendedLine[]
}

/** Only of the list's own text: what it includes stays as it is. */
export function mendList(list: ListText, findings: readonly Finding[]): Mended {
  const own = findings.filter(({ source }) => source === list.name)
  const mending = new Mending(list.text)
  for (const { line, instead } of own) if (instead !== undefined) mending.replace(line, instead)
  for (const { line, sameAs } of own) {
    if (sameAs) mending.remove(line, sameAs.source === list.name ? sameAs.line : undefined)
  }
  const { includes } = list
  return {
    list: {
      ...list,
      text: mending.text(),
      ...(includes && { includes: includes.map((each) => mending.moved(each)) }),
    },
    lines: mending.lines.toSorted((one, other) => one.line - other.line),
  }
}

/** One line of the text as it was: what stands there now, and the comments that came to it. */
interface Place {
  readonly mark: string
  readonly end: string
  readonly comment: string | undefined
  readonly isComment: boolean
  /** It says something. */
  readonly isLine: boolean
  /** As it was. */
  readonly before: string
  readonly above: string[]
  /** Undefined: it is gone. */
  now: string | undefined
}

class Mending {
  readonly lines: MendedLine[] = []
  readonly #places: readonly Place[]

  constructor(text: string) {
    const read = readLines(text)
    this.#places = text.split('\n').map((typed, index) => {
      const mark = index === 0 && typed.startsWith('\uFEFF') ? '\uFEFF' : ''
      const end = typed.endsWith('\r') ? '\r' : ''
      const before = typed.slice(mark.length, typed.length - end.length)
      const { says, comment } = read[index] ?? {}
      const isComment = says?.kind === 'comment'
      const isLine = says !== undefined && !isComment && says.kind !== 'blank'
      return { mark, end, before, comment, isComment, isLine, above: [], now: before }
    })
  }

  replace(line: number, after: string): void {
    const place = this.#places[line - 1]
    if (place === undefined || place.now !== place.before) return
    place.now = after
    this.lines.push({ line, before: place.before, after })
  }

  /** `sameAs`: the line that says the same; undefined: it is in another file. */
  remove(line: number, sameAs: number | undefined): void {
    const place = this.#places[line - 1]
    // What has just been put right may say something else.
    if (place === undefined || place.now !== place.before) return
    place.now = undefined
    this.lines.push({ line, before: place.before, after: undefined })
    if (sameAs === undefined) this.#leaveComments(place, line)
    else this.#moveComments(place, line, sameAs)
  }

  /** As a paragraph of their own, lest they seem to be about the line below. */
  #leaveComments(place: Place, line: number): void {
    const behind = place.comment === undefined ? [] : [place.comment]
    const isAnyLeft = behind.length > 0 || this.#commentsAbove(line).length > 0
    if (isAnyLeft) place.above.push(...behind, '')
  }

  /** As `list fmt` joins them; what heads the lines that follow it too stays above them. */
  #moveComments({ comment }: Place, line: number, to: number): void {
    const kept = this.#places[to - 1]
    const above = this.#isFollowed(line) ? [] : this.#commentsAbove(line)
    const there = [kept, ...this.#commentsAbove(to)].map((each) => each?.comment)
    const comments = [...above.map((each) => each.comment), comment]
    for (const each of above) each.now = undefined
    for (const each of comments) {
      if (each !== undefined && !there.includes(each)) kept?.above.push(each)
    }
  }

  /** Directly, by a line that stays. */
  #isFollowed(line: number): boolean {
    return this.#places.slice(line).find(({ now }) => now !== undefined)?.isLine === true
  }

  /** Directly. */
  #commentsAbove(line: number): readonly Place[] {
    const above = this.#places.slice(0, line - 1)
    return above.slice(above.findLastIndex(({ isComment }) => !isComment) + 1)
  }

  text(): string {
    return this.#places.flatMap(textLines).join('\n')
  }

  moved(included: Included): Included {
    const above = this.#places.slice(0, included.line - 1).flatMap(textLines).length
    const own = this.#places[included.line - 1]?.above.length ?? 0
    return { ...included, line: above + own + 1 }
  }
}

function textLines({ mark, end, above, now }: Place): readonly string[] {
  const lines = now === undefined ? above : [...above, now]
  return lines.map((line, index) => (index === 0 ? mark : '') + line + end)
}
