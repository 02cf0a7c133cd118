// Words of the form `key=value` behind an image or a directive: each key is known and has its own
// reader.

import { didYouMean, mistaken, quoted } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import { unquoted } from './words.ts'
import type { Word } from './words.ts'

export interface Key<T> {
  /** As somebody would write it: `newest=3`; a flag: `optional`. */
  readonly example: string
  /** May be given again, and then adds to what was read. */
  readonly isRepeatable?: true
  readonly read: (value: Word, soFar: T) => Read<T>
}

export interface KeyedWords<T> {
  readonly values: T
  /** Where each key stands first. */
  readonly places: ReadonlyMap<string, number>
  /** Every word's, up to MISTAKES_MAX. */
  readonly mistakes: readonly Mistake[]
}

/** Who wrote prose into a list is told soon enough. */
export const MISTAKES_MAX = 8

/** `what` names the keys in sentences: an option, ... */
export function readKeyedWords<T extends object>(
  words: readonly Word[],
  keys: Readonly<Record<string, Key<T>>>,
  what: string,
  none: T,
): KeyedWords<T> {
  let values = none
  const places = new Map<string, number>()
  const mistakes: Mistake[] = []
  for (const word of words) {
    if (mistakes.length === MISTAKES_MAX) break
    const key = word.text.split('=', 1)[0] ?? ''
    const known = Object.hasOwn(keys, key) ? keys[key] : undefined
    const read = known
      ? readKnown(word, { key, known, isAgain: places.has(key) }, values)
      : unknownKey(word, key, keys, what)
    if ('mistake' in read) mistakes.push(read.mistake)
    else values = { ...values, ...read.value }
    if (!places.has(key)) places.set(key, word.at)
  }
  return { values, places, mistakes }
}

interface Found<T> {
  readonly key: string
  readonly known: Key<T>
  readonly isAgain: boolean
}

function readKnown<T>(word: Word, { key, known, isAgain }: Found<T>, soFar: T): Read<T> {
  const { text, at } = word
  if (isAgain && !known.isRepeatable) {
    return mistaken(at, `${key} is given twice in this line: write it once`)
  }
  const isFlag = known.example === key
  const hasValue = text.length > key.length
  const valueAt = key.length + 1
  if (isFlag && hasValue) {
    const isYes = /^"?(?:yes|true|1|on)"?$/i.test(text.slice(valueAt))
    const fix = isYes ? { from: at, to: at + text.length, text: key } : undefined
    return mistaken(at, `${key} takes no value: write it alone`, fix)
  }
  // Only an empty value in quotes is one: `variant=""`.
  if (!isFlag && text.length <= valueAt) {
    return mistaken(at, `${key} needs a value: ${known.example}`)
  }
  const value = unquoted({ text: text.slice(valueAt), at: at + valueAt })
  const quote = value.text.indexOf('"')
  if (quote >= 0) return mistaken(value.at + quote, 'no quote may stand within a value')
  return known.read(value, soFar)
}

function unknownKey<T>(
  { at }: Word,
  key: string,
  keys: Readonly<Record<string, Key<T>>>,
  what: string,
): { readonly mistake: Mistake } {
  const names = Object.keys(keys)
  const hint = didYouMean(key, names) || `: write ${names.join(', ')}`
  const meant = names.find((name) => name === key.toLowerCase() || name === `${key}s`)
  const fix = meant === undefined ? undefined : { from: at, to: at + key.length, text: meant }
  return mistaken(at, `${quoted(key)} is not ${what}${hint}`, fix)
}
