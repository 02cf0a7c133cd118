// What follows the reference in a line, or stands in `@defaults`: `newest=3 platforms=linux/amd64`.

import validRange from 'semver/ranges/valid.js'
import { readKeyedWords } from './keyed-words.ts'
import type { Key, KeyedWords } from './keyed-words.ts'
import type { Bare, EntryOptions } from './list-entry.ts'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Read } from './mistake.ts'
import { TAG_ITEMS_MAX, parseTagGlobs } from './parse-tags.ts'
import { parsePlatforms } from './platform.ts'
import { commaSeparated, readDuration, readOneOf, readSize, readWhole } from './values.ts'
import type { Word } from './words.ts'

const BARES: readonly Bare[] = ['latest+used', 'latest', 'used', 'versions', 'all', 'daocloud']
const PRIORITIES = ['high', 'normal', 'low'] as const
const RANGE_LENGTH_MAX = 256
const VARIANT = /^[\w.][\w.-]{0,126}$/
/** RFC 6838, "Naming requirements". */
const ARTIFACT_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i

/** In the order in which they are printed. */
const OPTIONS: Readonly<Record<string, Key<EntryOptions>>> = {
  bare: {
    example: 'bare=latest',
    read: (value) => readAs(readOneOf('bare', value, BARES), (bare) => ({ bare })),
  },
  newest: {
    example: 'newest=3',
    read: (value) => readAs(readWhole(value, 1, 'newest=3'), (newest) => ({ newest })),
  },
  semver: {
    example: 'semver=">=1.24 <2"',
    read: (value) => readAs(readRange(value), (semver) => ({ semver })),
  },
  variant: {
    example: 'variant=alpine, or variant="" for versions without one',
    read: (value) => readAs(readVariant(value), (variant) => ({ variant })),
  },
  not: {
    example: 'not=*-rc*,*-beta*',
    isRepeatable: true,
    read: (value, { not }) => readAs(readNot(value, not), (globs) => ({ not: globs })),
  },
  used: {
    example: 'used=30d',
    read: (value) => readAs(readDuration(value, 'used=30d'), (usedMs) => ({ usedMs })),
  },
  min: {
    example: 'min=2',
    read: (value) => readAs(readWhole(value, 1, 'min=2'), (min) => ({ min })),
  },
  max: {
    example: 'max=100',
    read: (value) => readAs(readWhole(value, 1, 'max=100'), (max) => ({ max })),
  },
  optional: { example: 'optional', read: () => ({ value: { isOptional: true } }) },
  platforms: {
    example: 'platforms=linux/amd64,linux/arm64 or platforms=all',
    read: ({ text, at }) => readAs(parsePlatforms(text, at), (platforms) => ({ platforms })),
  },
  referrers: {
    example: 'referrers=yes',
    read: (value) => readAs(readReferrers(value), (referrers) => ({ referrers })),
  },
  every: {
    example: 'every=24h',
    read: (value) => readAs(readEvery(value), (every) => ({ every })),
  },
  keep: {
    example: 'keep=14d',
    read: (value) => readAs(readKeep(value), (keep) => ({ keep })),
  },
  priority: {
    example: 'priority=high',
    read: (value) => readAs(readOneOf('priority', value, PRIORITIES), (priority) => ({ priority })),
  },
  'max-size': {
    example: 'max-size=20GB',
    read: (value) => readAs(readSize(value, 'max-size=20GB'), (maxSizeBytes) => ({ maxSizeBytes })),
  },
}

export const OPTION_NAMES = Object.keys(OPTIONS)

export function parseOptions(words: readonly Word[]): KeyedWords<EntryOptions> {
  return readKeyedWords(words, OPTIONS, 'an option', {})
}

function readNot(value: Word, soFar: readonly string[] = []): Read<readonly string[]> {
  const read = parseTagGlobs(value)
  if ('mistake' in read) return read
  const globs = [...soFar, ...read.value]
  if (globs.length <= TAG_ITEMS_MAX) return { value: globs }
  return mistaken(value.at, `at most ${TAG_ITEMS_MAX} globs stand behind not= in a line`)
}

/** Commas may stand for the blanks between its parts, so that it needs no quotes. */
function readRange({ text, at }: Word): Read<string> {
  const example = 'as in semver=">=1.24 <2" or semver=~1.24'
  if (text.length > RANGE_LENGTH_MAX) {
    const most = `a range has at most ${RANGE_LENGTH_MAX} characters`
    return mistaken(at, `${most}: this one has ${text.length}`)
  }
  const range = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .join(' ')
  const isRange = range !== '' && validRange(range) !== null
  return isRange ? { value: range } : mistaken(at, `${quoted(text)} is not a range, ${example}`)
}

function readVariant({ text, at }: Word): Read<string> {
  if (text === '' || VARIANT.test(text)) return { value: text }
  if (text.startsWith('-') && VARIANT.test(text.slice(1))) {
    const fix = { from: at, to: at + 1, text: '' }
    return mistaken(at, `a variant stands without the dash before it: ${text.slice(1)}`, fix)
  }
  const hint = /[*?[{]/.test(text) ? ': patterns stand behind the ":", as in redis:*-alpine*' : ''
  return mistaken(at, `${quoted(text)} is not a variant such as alpine or slim${hint}`)
}

function readReferrers(value: Word): Read<'no' | 'yes' | readonly string[]> {
  const { text } = value
  if (text === 'no' || text === 'yes') return { value: text }
  const parts = commaSeparated(value)
  const wrong = parts.find((part) => !ARTIFACT_TYPE.test(part.text))
  if (wrong === undefined) return { value: [...new Set(parts.map((part) => part.text))] }
  const meant = /^(?:true|all|on|1)$/i.test(text)
    ? 'yes'
    : /^(?:false|none|off|0)$/i.exec(text)
      ? 'no'
      : undefined
  const fix = meant && { from: value.at, to: value.at + text.length, text: meant }
  return mistaken(
    wrong.at,
    `${quoted(wrong.text)} is not the type of an artifact, such as application/spdx+json, and ` +
      `neither yes nor no`,
    fix,
  )
}

function readEvery(value: Word): Read<number | 'always' | 'never'> {
  const { text } = value
  if (text === 'always' || text === 'never') return { value: text }
  return readDuration(value, 'every=24h', ', and neither always nor never')
}

function readKeep(value: Word): Read<number | 'pin'> {
  return value.text === 'pin' ? { value: 'pin' } : readDuration(value, 'keep=14d', ', and not pin')
}
