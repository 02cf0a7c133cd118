// What follows the reference in a line: `platforms=linux/amd64,linux/arm64`, `optional`.

import type { EntryOptions } from './list-entry.ts'
import { didYouMean, mistaken, quoted } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import { parsePlatforms } from './platform.ts'
import type { Word } from './words.ts'

interface Written {
  readonly key: string
  /** Undefined where there is no "=". */
  readonly value: Word | undefined
}

type Reader = (value: Word | undefined, at: number) => Read<EntryOptions>

const READERS: Readonly<Record<string, Reader>> = { platforms, optional }
const KEYS = Object.keys(READERS)

/** Every word's mistake is told. */
export function parseOptions(words: readonly Word[]): {
  readonly options: EntryOptions
  readonly mistakes: readonly Mistake[]
} {
  let options: EntryOptions = {}
  const mistakes: Mistake[] = []
  const seen = new Set<string>()
  for (const word of words) {
    const { key, value } = split(word)
    const read = readOption(key, value, word, seen)
    if ('mistake' in read) mistakes.push(read.mistake)
    else options = { ...options, ...read.value }
    seen.add(key)
  }
  return { options, mistakes }
}

function readOption(
  key: string,
  value: Word | undefined,
  { at }: Word,
  seen: ReadonlySet<string>,
): Read<EntryOptions> {
  if (!Object.hasOwn(READERS, key)) {
    const hint = didYouMean(key, KEYS) || ': behind the image stand platforms=... and optional'
    return mistaken(at, `${quoted(key)} is not an option${hint}`)
  }
  if (seen.has(key)) return mistaken(at, `${key} is given twice in this line: put both into one`)
  return READERS[key]?.(value, at) ?? { value: {} }
}

function platforms(value: Word | undefined, at: number): Read<EntryOptions> {
  if (value === undefined || value.text === '') {
    return mistaken(
      at,
      'platforms needs a value: platforms=linux/amd64,linux/arm64 or platforms=all',
    )
  }
  const read = parsePlatforms(value.text, value.at)
  return 'mistake' in read ? read : { value: { platforms: read.value } }
}

function optional(value: Word | undefined, at: number): Read<EntryOptions> {
  if (value !== undefined) return mistaken(at, 'optional takes no value: write it alone')
  return { value: { isOptional: true } }
}

/** `key`, `key=value`, `key="a value"`. */
function split({ text, at }: Word): Written {
  const equals = text.indexOf('=')
  if (equals < 0) return { key: text, value: undefined }
  const key = text.slice(0, equals)
  const value = text.slice(equals + 1)
  const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"')
  const quote = isQuoted ? 1 : 0
  return {
    key,
    value: { text: value.slice(quote, value.length - quote), at: at + equals + 1 + quote },
  }
}
