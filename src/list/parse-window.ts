// `@window 01:00-06:00 tz=Europe/Berlin`

import { nearest } from '../lib/nearest.ts'
import { readKeyedWords } from './keyed-words.ts'
import type { Key } from './keyed-words.ts'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import type { WrittenWindow } from './statement.ts'
import type { Word } from './words.ts'

const EXAMPLE = '@window 01:00-06:00 tz=Europe/Berlin'
const TIME = /^([01]?\d|2[0-4]):([0-5]\d)$/
const DAY_MINUTES = 24 * 60

type Zone = Partial<Pick<WrittenWindow, 'timeZone'>>

const KEYS: Readonly<Record<string, Key<Zone>>> = {
  tz: {
    example: 'tz=Europe/Berlin',
    read: (value) => readAs(readZone(value), (timeZone) => ({ timeZone })),
  },
}

export function parseWindow(
  [times, ...words]: readonly Word[],
  { at }: Word,
): { readonly window?: WrittenWindow; readonly mistakes: readonly Mistake[] } {
  if (!times) return { mistakes: [{ at, message: `@window needs its times: ${EXAMPLE}` }] }
  const read = readTimes(times)
  const { values, mistakes } = readKeyedWords(words, KEYS, 'known behind @window', {})
  if ('mistake' in read) return { mistakes: [read.mistake, ...mistakes] }
  if (mistakes.length > 0) return { mistakes }
  return { window: { ...read.value, timeZone: values.timeZone }, mistakes }
}

function readTimes({ text, at }: Word): Read<Pick<WrittenWindow, 'from' | 'to'>> {
  const [begins = '', ends = '', ...more] = text.split('-')
  const [from, to] = [minutesOf(begins), minutesOf(ends)]
  if (from === undefined || to === undefined || more.length > 0) {
    return mistaken(at, `${quoted(text)} is not a part of the day: ${EXAMPLE}`)
  }
  if (from === to) {
    return mistaken(
      at,
      `${quoted(text)} begins when it ends: leave @window out to warm at any time`,
    )
  }
  return { value: { from, to } }
}

/** Midnight is 00:00 and 24:00. */
function minutesOf(text: string): number | undefined {
  const [, hours, minutes] = TIME.exec(text) ?? []
  const all = Number(hours) * 60 + Number(minutes)
  if (hours === undefined || all > DAY_MINUTES) return undefined
  return all % DAY_MINUTES
}

function readZone({ text, at }: Word): Read<string> {
  if (isZone(text)) return { value: text }
  const zones = Intl.supportedValuesOf('timeZone')
  const near = zoneOfCity(text, zones) ?? nearest(text.slice(0, 60), zones)
  const hint = near === undefined ? ', as in tz=Europe/Berlin or tz=UTC' : `; did you mean ${near}?`
  return mistaken(at, `${quoted(text)} is not a time zone${hint}`)
}

function zoneOfCity(text: string, zones: readonly string[]): string | undefined {
  const city = `/${text.toLowerCase()}`
  return zones.find((zone) => zone.toLowerCase().endsWith(city))
}

/** Offsets such as +02:00 are read, too, but know no daylight saving: nobody means that. */
function isZone(text: string): boolean {
  if (/^[+-]/.test(text)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
