// What is wrong with a line, and where in it.

import { nearest } from '../lib/nearest.ts'

export interface Mistake {
  /** Where in the line, from 0. */
  readonly at: number
  /** What is wrong there and what to write instead, a sentence without the place. */
  readonly message: string
}

/** What was read, or why it could not be. */
export type Read<T> = { readonly value: T } | { readonly mistake: Mistake }

export function mistaken(at: number, message: string): { readonly mistake: Mistake } {
  return { mistake: { at, message } }
}

const SHOWN_LENGTH_MAX = 60

export function quoted(text: string): string {
  const isLong = text.length > SHOWN_LENGTH_MAX
  return JSON.stringify(isLong ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text)
}

/** `; did you mean platforms?`, or nothing when no known word is close. */
export function didYouMean(found: string, known: readonly string[]): string {
  const best = nearest(found.slice(0, SHOWN_LENGTH_MAX), known)
  return best === undefined ? '' : `; did you mean ${best}?`
}
