// Patterns that tags are held against. They come from lists that many people write, so each takes
// time in proportion to the tag and no more: RE2's dialect, without look-around and back-references.

import { RE2JS, RE2JSException } from 're2js'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Read } from './mistake.ts'

const PATTERN_LENGTH_MAX = 256
/** Of the compiled pattern: each tag costs at most so many steps for each of its characters. */
const PATTERN_STEPS_MAX = 1000
/** All `{n,m}` of a pattern together, so that compiling it takes no longer than reading a page of them. */
const PATTERN_REPEATS_MAX = 512

export interface TagPattern {
  matches(tag: string): boolean
}

/** Found anywhere in the tag, unless it is anchored. `at` is where the pattern stands in its line. */
export function compileRegex(pattern: string, at = 0): Read<TagPattern> {
  const tooLong = overlong(pattern, at)
  if (tooLong) return tooLong
  if (repeatsOf(pattern) > PATTERN_REPEATS_MAX) return repeating(pattern, at)
  const compiled = compile(pattern)
  if (typeof compiled === 'string') {
    const what = `${quoted(pattern)} is not a regular expression as RE2 reads it`
    return mistaken(at, `${what}: ${compiled}`)
  }
  if (compiled.programSize() > PATTERN_STEPS_MAX) return repeating(pattern, at)
  return { value: { matches: (tag) => compiled.test(tag) } }
}

function repeating(pattern: string, at: number): ReturnType<typeof mistaken> {
  return mistaken(at, `${quoted(pattern)} repeats too much: a tag has at most 128 characters`)
}

function repeatsOf(pattern: string): number {
  const counts = Array.from(pattern.matchAll(/\{(\d{1,9})(?:,(\d{1,9}))?/g))
  return counts.reduce((sum, [, least, most = least]) => sum + Number(most), 0)
}

/** Whether it is one, without the cost of making it ready where only brackets could be wrong. */
export function checkGlob(pattern: string, at: number): Read<string> {
  const isPlain = pattern.length <= PATTERN_LENGTH_MAX && !/[[\]{}]/.test(pattern)
  return isPlain ? { value: pattern } : readAs(compileGlob(pattern, at), () => pattern)
}

/** Braces of a glob that are open, for their alternatives. */
interface Glob {
  /** Where the braces that are open begin. */
  readonly open: number[]
  regex: string
}

/** The whole tag: `*` and `?` for any characters, `[a-z]` and `[!0-9]` for one, `{a,b}` for either. */
export function compileGlob(pattern: string, at = 0): Read<TagPattern> {
  const tooLong = overlong(pattern, at)
  if (tooLong) return tooLong
  const glob: Glob = { open: [], regex: '' }
  for (let next = 0; next < pattern.length;) {
    const sign = pattern[next] ?? ''
    if (sign === '[') {
      const end = pattern.indexOf(']', next + 2)
      if (end < 0) return mistaken(at + next, 'the "[" that begins here has no "]"')
      glob.regex += oneOf(pattern.slice(next + 1, end))
      next = end + 1
      continue
    }
    if (sign === '}' && glob.open.length === 0) {
      return mistaken(at + next, 'the "}" that stands here has no "{" before it')
    }
    if (sign === ']') return mistaken(at + next, 'the "]" that stands here has no "[" before it')
    addSign(glob, sign, next)
    next += 1
  }
  const [unclosed] = glob.open
  if (unclosed !== undefined) {
    return mistaken(at + unclosed, 'the "{" that begins here has no "}"')
  }
  const compiled = compile(`^(?:${glob.regex})$`)
  if (typeof compiled !== 'string') return { value: { matches: (tag) => compiled.test(tag) } }
  const examples = '1.2*, [0-9]* or {a,b}-alpine'
  return mistaken(at, `${quoted(pattern)} is not a pattern of tags such as ${examples}`)
}

function addSign(glob: Glob, sign: string, at: number): void {
  if (sign === '{') glob.open.push(at)
  if (sign === '}') glob.open.pop()
  glob.regex += GLOB_SIGNS[sign] ?? RE2JS.quote(sign)
}

/** A comma that stands alone would have ended the pattern: this one is between braces. */
const GLOB_SIGNS: Readonly<Record<string, string>> = {
  '*': '.*',
  '?': '.',
  '{': '(?:',
  ',': '|',
  '}': ')',
}

function oneOf(inside: string): string {
  const isNot = inside.startsWith('!') || inside.startsWith('^')
  const signs = (isNot ? inside.slice(1) : inside).replaceAll(/[\\[\]^]/g, '\\$&')
  return `[${isNot ? '^' : ''}${signs}]`
}

/** Or what is wrong with it. */
function compile(regex: string): RE2JS | string {
  try {
    return RE2JS.compile(regex)
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    return error.message.replace(/^error parsing regexp: /, '')
  }
}

function overlong(pattern: string, at: number): ReturnType<typeof mistaken> | undefined {
  if (pattern.length <= PATTERN_LENGTH_MAX) return undefined
  return mistaken(
    at,
    `a pattern has at most ${PATTERN_LENGTH_MAX} characters: this one has ${pattern.length}`,
  )
}
