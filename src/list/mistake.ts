// What is wrong with a line, where in it, and what makes it right.

import { nearest } from '../lib/nearest.ts'

export interface Mistake {
  /** Where in the line, from 0. */
  readonly at: number
  /** What is wrong there and what to write instead, a sentence without the place. */
  readonly message: string
  /** Where it is clear what was meant. */
  readonly fix?: Fix | undefined
}

/** A part of the line, and what belongs there. */
export interface Fix {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** What was read, or why it could not be. */
export type Read<T> = { readonly value: T } | { readonly mistake: Mistake }

export function mistaken(at: number, message: string, fix?: Fix): { readonly mistake: Mistake } {
  return { mistake: { at, message, fix } }
}

export function fixed(line: string, { from, to, text }: Fix): string {
  return line.slice(0, from) + text + line.slice(to)
}

/** What was read, made into something else. */
export function readAs<T, U>(read: Read<T>, as: (value: T) => U): Read<U> {
  return 'mistake' in read ? read : { value: as(read.value) }
}

const SHOWN_LENGTH_MAX = 60

/** `//user:password@`, but not the digest of `//nginx:1@sha256:...` */
const LOGIN = /\/\/[^/\s]*@(?!sha(?:256|512):)/g

/** Cut where it is long, and without logins. */
export function quoted(text: string): string {
  const shown = text.replaceAll(LOGIN, '//...@')
  const isLong = shown.length > SHOWN_LENGTH_MAX
  return JSON.stringify(isLong ? `${shown.slice(0, SHOWN_LENGTH_MAX)}...` : shown)
}

/** `; did you mean platforms?`, or nothing when no known word is close. */
export function didYouMean(found: string, known: readonly string[]): string {
  const best = nearest(found.slice(0, SHOWN_LENGTH_MAX), known)
  return best === undefined ? '' : `; did you mean ${best}?`
}
