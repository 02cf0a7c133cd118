// Which tags: what stands between the ":" of a reference and its end or its digest.

import { parseTag } from '../oci/name.ts'
import type { Selector } from './list-entry.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import { compileGlob, compileRegex } from './pattern.ts'
import type { Word } from './words.ts'

const TAG_LENGTH_MAX = 128
const GLOB_SIGNS = /[*?[\]{}]/
/** What tags and globs are made of; `!` and `^` only behind a bracket. */
const NEITHER = /[^\w.*?[\]{},!^-]|(?<!\[)[!^]/

/** `^1\.2[0-9]$` to the end of the word, or `/1\.2/`: what follows belongs to it. */
export function isRegex(tags: string): boolean {
  return tags.startsWith('^') || tags.startsWith('/')
}

export function parseTags(text: string, at: number): Read<readonly Selector[]> {
  if (text === '') return mistaken(at, 'there is no tag behind the ":"')
  if (isRegex(text)) return parseRegex(text, at)
  const selectors: Selector[] = []
  for (const item of itemsOf(text, at)) {
    const selector = parseItem(item)
    if ('mistake' in selector) return selector
    selectors.push(selector.value)
  }
  return { value: selectors }
}

function parseRegex(text: string, at: number): Read<readonly Selector[]> {
  const isBetweenSlashes = text.startsWith('/')
  const closing = text.lastIndexOf('/')
  if (isBetweenSlashes && closing === 0) {
    return mistaken(at, 'the regular expression that begins at this "/" has no "/" at its end')
  }
  if (isBetweenSlashes && closing < text.length - 1) {
    return mistaken(at + closing + 1, 'nothing may follow the "/" that ends a regular expression')
  }
  const pattern = isBetweenSlashes ? text.slice(1, -1) : text
  if (pattern === '' || pattern === '^') {
    return mistaken(at, 'the regular expression is empty: write * for every tag')
  }
  const compiled = compileRegex(pattern, isBetweenSlashes ? at + 1 : at)
  return 'mistake' in compiled ? compiled : { value: [{ kind: 'regex', pattern }] }
}

function parseItem({ text, at }: Word): Read<Selector> {
  if (text === '') return mistaken(at, 'a tag is missing beside the ","')
  const tag = parseTag(text)
  if (tag !== undefined) return { value: { kind: 'tag', tag, digest: undefined } }
  const wrong = wrongSign(text, at)
  if (wrong) return { mistake: wrong }
  if (GLOB_SIGNS.test(text)) {
    const compiled = compileGlob(text, at)
    return 'mistake' in compiled ? compiled : { value: { kind: 'glob', pattern: text } }
  }
  if (text.length > TAG_LENGTH_MAX) {
    return mistaken(
      at,
      `a tag has at most ${TAG_LENGTH_MAX} characters: this one has ${text.length}`,
    )
  }
  return mistaken(at, `a tag begins with a letter, a digit or "_": not ${quoted(text.slice(0, 1))}`)
}

function wrongSign(text: string, at: number): Mistake | undefined {
  const found = NEITHER.exec(text)
  if (!found) return undefined
  const [sign] = found
  return { at: at + found.index, message: wrongSentence(sign, text, found.index) }
}

function wrongSentence(sign: string, text: string, index: number): string {
  if (sign === ':') {
    if (/^sha(?:256|512)$/.test(text.slice(0, index))) return 'a digest stands behind "@", not ":"'
    return 'this is the second ":": a tag holds none, and a host with a port needs a "/" behind it'
  }
  if (sign === '#') return 'a comment begins with a blank and "#"'
  if (sign === '^' && index === 0) {
    return 'a regular expression stands alone: put it on its own line'
  }
  if (/[\\()+|$^]/.test(sign)) {
    return `a tag cannot hold ${quoted(sign)}; a regular expression begins with "^" or stands between "/"`
  }
  return `a tag cannot hold ${quoted(sign)}`
}

/** Separated by commas, but not by those within braces and brackets. */
function itemsOf(text: string, at: number): readonly Word[] {
  const items: Word[] = []
  let from = 0
  let depth = 0
  for (let next = 0; next <= text.length; next += 1) {
    const sign = text[next]
    if (sign === '{' || sign === '[') depth += 1
    if ((sign === '}' || sign === ']') && depth > 0) depth -= 1
    if (sign !== undefined && (sign !== ',' || depth > 0)) continue
    items.push({ text: text.slice(from, next), at: at + from })
    from = next + 1
  }
  return items
}
