// Which tags: what stands between the ":" of a reference and its end or its digest, in `not=`, in
// `@exclude` and behind the ":" of a block.

import { parseTag } from '../oci/name.ts'
import type { Tag } from '../oci/name.ts'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Fix, Read } from './mistake.ts'
import { checkGlob, compileRegex } from './pattern.ts'
import type { TagRule } from './statement.ts'
import type { Word } from './words.ts'

/** What stands between commas. */
type TagItem =
  | { readonly kind: 'tag'; readonly tag: Tag; readonly digest: undefined }
  | { readonly kind: 'glob'; readonly pattern: string }

type TagSelector = TagItem | { readonly kind: 'regex'; readonly pattern: string }

const TAG_LENGTH_MAX = 128
/** Each pattern among them is held against each tag of a repository. */
export const TAG_ITEMS_MAX = 512
const GLOB_SIGNS = /[*?[\]{}]/
/** What tags and globs are made of; `!` and `^` only behind a bracket. */
const NEITHER = /[^\w.*?[\]{},!^-]|(?<!\[)[!^]/

/** `^1\.2[0-9]$` to the end of the word, or `/1\.2/`: what follows belongs to it. */
export function isRegex(tags: string): boolean {
  return tags.startsWith('^') || tags.startsWith('/')
}

export function parseTags(text: string, at: number): Read<readonly TagSelector[]> {
  if (text === '') {
    return mistaken(at, 'there is no tag behind the ":"', { from: at - 1, to: at, text: '' })
  }
  return isRegex(text)
    ? readAs(parseRegex(text, at), (pattern) => [{ kind: 'regex', pattern }])
    : parseItems({ text, at })
}

/** Globs, separated by commas. A tag is one, too. */
export function parseTagGlobs(word: Word): Read<readonly string[]> {
  const { text, at } = word
  if (isRegex(text)) return mistaken(at, 'globs of tags stand here, such as *-rc*: not a regex')
  return readAs(parseItems(word), (items) => items.map(patternOf))
}

/** Of `@exclude`: globs, separated by commas, or a regular expression. */
export function parseTagRules(word: Word): Read<readonly TagRule[]> {
  const { text, at } = word
  return isRegex(text)
    ? readAs(parseRegex(text, at), (pattern) => [{ kind: 'regex', pattern }])
    : readAs(parseItems(word), (items) =>
        items.map((item) => ({ kind: 'glob', pattern: patternOf(item) })),
      )
}

function patternOf(item: TagItem): string {
  return item.kind === 'tag' ? item.tag : item.pattern
}

function parseRegex(text: string, at: number): Read<string> {
  const isBetweenSlashes = text.startsWith('/')
  const closing = text.lastIndexOf('/')
  if (isBetweenSlashes && closing === 0) {
    return mistaken(at, 'the regular expression that begins at this "/" has no "/" at its end')
  }
  if (isBetweenSlashes && closing < text.length - 1) {
    return mistaken(at + closing + 1, 'nothing may follow the "/" that ends a regular expression')
  }
  // `docker://docker://nginx/`
  if (text.startsWith('//')) return mistaken(at, 'a tag stands behind the ":", and holds no "/"')
  const pattern = isBetweenSlashes ? text.slice(1, -1) : text
  if (pattern === '' || pattern === '^') {
    return mistaken(at, 'the regular expression is empty: write * for every tag')
  }
  return readAs(compileRegex(pattern, isBetweenSlashes ? at + 1 : at), () => pattern)
}

function parseItems(word: Word): Read<readonly TagItem[]> {
  const items: TagItem[] = []
  const parts = itemsOf(word)
  const over = parts[TAG_ITEMS_MAX]
  if (over) {
    const message = `at most ${TAG_ITEMS_MAX} tags and patterns stand in a line: here are ${parts.length}`
    return mistaken(over.at, message)
  }
  for (const part of parts) {
    const item = parseItem(part, word)
    if ('mistake' in item) return item
    items.push(item.value)
  }
  return { value: items }
}

function parseItem({ text, at }: Word, all: Word): Read<TagItem> {
  if (text === '') {
    const beside = all.text === '' ? ' here' : ' beside the ","'
    return mistaken(at, `a tag is missing${beside}`, withoutComma(at, all))
  }
  const tag = parseTag(text)
  if (tag !== undefined) return { value: { kind: 'tag', tag, digest: undefined } }
  const sign = NEITHER.exec(text)
  if (sign) return wrongSign(sign[0], text, at, sign.index)
  if (GLOB_SIGNS.test(text)) {
    return readAs(checkGlob(text, at), (pattern) => ({ kind: 'glob', pattern }))
  }
  if (text.length > TAG_LENGTH_MAX) {
    return mistaken(
      at,
      `a tag has at most ${TAG_LENGTH_MAX} characters: this one has ${text.length}`,
    )
  }
  return mistaken(at, `a tag begins with a letter, a digit or "_": not ${quoted(text.slice(0, 1))}`)
}

/** `at`: where nothing stands beside a comma; the one before it goes, or at the start the one behind. */
function withoutComma(at: number, { text, at: start }: Word): Fix | undefined {
  if (text.length < 2) return undefined
  const from = Math.max(start, at - 1)
  return { from, to: from + 1, text: '' }
}

function wrongSign(
  sign: string,
  text: string,
  at: number,
  index: number,
): ReturnType<typeof mistaken> {
  const signAt = at + index
  if (sign === ':') return wrongColon(text, at, index)
  if (sign === '#') {
    const fix = { from: signAt, to: signAt, text: ' ' }
    return mistaken(signAt, 'a comment begins with a blank and "#"', fix)
  }
  if (sign === '^' && index === 0) {
    return mistaken(signAt, 'a regular expression stands alone, not among others with commas')
  }
  const isOfRegex = /[\\()+|$^]/.test(sign)
  const hint = isOfRegex ? '; a regular expression begins with "^" or stands between "/"' : ''
  const isQuote = /["']/.test(sign)
  const fix = isQuote ? { from: signAt, to: signAt + 1, text: '' } : undefined
  return mistaken(signAt, `a tag cannot hold ${quoted(sign)}${hint}`, fix)
}

function wrongColon(text: string, at: number, index: number): ReturnType<typeof mistaken> {
  const colon = at + index
  const before = text.slice(0, index)
  if (/^sha(?:256|512)$/.test(before)) {
    const fix = { from: at - 1, to: at, text: '@' }
    return mistaken(colon, 'a digest stands behind "@", not ":"', fix)
  }
  const isTwice = text === `${before}:${before}`
  return mistaken(
    colon,
    'this is the second ":": a tag holds none, and a host with a port needs a "/" behind it',
    isTwice ? { from: colon, to: at + text.length, text: '' } : undefined,
  )
}

/** Separated by commas, but not by those within braces and brackets. */
function itemsOf({ text, at }: Word): readonly Word[] {
  const items: Word[] = []
  let from = 0
  let depth = 0
  for (let next = 0; next <= text.length; next += 1) {
    const sign = text[next]
    if (sign === '{') depth += 1
    if (sign === '}' && depth > 0) depth -= 1
    // As globs read it: whatever stands between brackets is one of some characters.
    if (sign === '[') next = Math.max(next, text.indexOf(']', next + 2))
    if (sign !== undefined && (sign !== ',' || depth > 0)) continue
    items.push({ text: text.slice(from, next), at: at + from })
    from = next + 1
  }
  return items
}
