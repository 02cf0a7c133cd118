// Values of options and directives: numbers, durations, sizes, times of the day, words of a few.

import { parseDuration, parseSize } from '../lib/units.ts'
import { didYouMean, mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'
import type { Word } from './words.ts'

export function readWhole({ text, at }: Word, least: number, example: string): Read<number> {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return { value: Number(text) }
  return mistaken(at, `${quoted(text)} is not a whole number from ${least} on, as in ${example}`)
}

/** `orWords` are words that stand for no duration: `, or always or never`. */
export function readDuration({ text, at }: Word, example: string, orWords = ''): Read<number> {
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) return { value: durationMs }
  return mistaken(at, `${quoted(text)} is not a duration with its unit, as in ${example}${orWords}`)
}

export function readSize({ text, at }: Word, example: string): Read<number> {
  const bytes = parseSize(text)
  if (bytes !== undefined && bytes > 0) return { value: bytes }
  return mistaken(at, `${quoted(text)} is not a size with its unit, as in ${example}`)
}

export function readOneOf<T extends string>(
  key: string,
  { text, at }: Word,
  known: readonly T[],
): Read<T> {
  const found = known.find((each) => each === text)
  if (found !== undefined) return { value: found }
  const meant = known.find((each) => each === text.toLowerCase())
  const fix = meant && { from: at, to: at + text.length, text: meant }
  const hint = didYouMean(text, known) || `: write ${known.join(', ')}`
  return mistaken(at, `${quoted(text)} is not a value of ${key}=${hint}`, fix || undefined)
}

/** Separated by commas, each with its place. */
export function commaSeparated({ text, at }: Word): readonly Word[] {
  let from = at
  return text.split(',').map((part) => {
    const word = { text: part, at: from }
    from += part.length + 1
    return word
  })
}
