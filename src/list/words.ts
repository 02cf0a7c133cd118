// A line's words, each with its place, and the comment behind them.

import { mistaken } from './mistake.ts'
import type { Fix, Mistake, Read } from './mistake.ts'

export interface Word {
  readonly text: string
  /** Where in the line it begins, from 0. */
  readonly at: number
}

export interface Words {
  readonly words: readonly Word[]
  /** With its `#`, without blanks at its end. */
  readonly comment: string | undefined
}

/** What editors do not show, and what comes along when a name is copied from a web page. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}]/u

/**
 * A value may be in double quotes, `key="a b"`, and so may a whole word: only there do blanks and `#`
 * belong to a word.
 */
export function readWords(line: string): Read<Words> {
  const words: Word[] = []
  let at = 0
  while (at < line.length) {
    if (isBlank(line[at])) {
      at += 1
      continue
    }
    if (line[at] === '#') return { value: { words, comment: line.slice(at).trimEnd() } }
    const end = endOfWord(line, at)
    if (typeof end !== 'number') return end
    words.push({ text: line.slice(at, end), at })
    at = end
  }
  return { value: { words, comment: undefined } }
}

/** `"a b"` → `a b`, with its place. */
export function unquoted({ text, at }: Word): Word {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"')
  return isQuoted ? { text: text.slice(1, -1), at: at + 1 } : { text, at }
}

function endOfWord(line: string, start: number): number | { readonly mistake: Mistake } {
  let quoteAt: number | undefined
  let at = start
  for (; at < line.length; at += 1) {
    const sign = line[at] ?? ''
    if (sign === '"' && quoteAt !== undefined) quoteAt = undefined
    else if (sign === '"' && (at === start || line[at - 1] === '=')) quoteAt = at
    else if (isBlank(sign) && quoteAt === undefined) return at
    else if (!isBlank(sign) && UNSEEN.test(sign)) {
      return mistaken(at, unseen(sign), withoutUnseen(sign, at))
    }
  }
  return quoteAt === undefined ? at : mistaken(quoteAt, 'the quote that begins here has no end')
}

function isBlank(sign: string | undefined): boolean {
  return sign === ' ' || sign === '\t'
}

function unseen(sign: string): string {
  const code = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `an invisible character stands here (U+${code}): delete it, or type a plain space`
}

/** Whatever is as wide as a blank was one; marks without a width were never meant. */
function withoutUnseen(sign: string, at: number): Fix | undefined {
  if (/\p{Cc}/u.test(sign)) return undefined
  return { from: at, to: at + 1, text: /\p{Cf}/u.test(sign) ? '' : ' ' }
}
