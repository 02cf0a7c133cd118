// Pieces of the sentences that say what is wrong.

import { distance } from 'fastest-levenshtein'

const FOUND_LENGTH_MAX = 120

/** The value found, in quotes and without credentials. */
export function quote(text: string): string {
  const shown = hideCredentials(text)
  return JSON.stringify(
    shown.length > FOUND_LENGTH_MAX ? `${shown.slice(0, FOUND_LENGTH_MAX)}...` : shown,
  )
}

export function hideCredentials(text: string): string {
  return text.replace(/\/\/[^/\s,]*@/g, '//***@')
}

/** `; did you mean tag-ttl?`, or nothing when no known name is close. */
export function suggestion(found: string, known: readonly string[], prefix = ''): string {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const ranked = known
    .map((name) => ({ name, far: howFar(plain(found), plain(name)) }))
    .sort((a, b) => a.far - b.far)
  const [best] = ranked
  const farMax = Math.min(plain(found).length - 1, Math.max(2, found.length / 3))
  if (best === undefined || best.far > farMax) return ''
  return `; did you mean ${prefix}${best.name}?`
}

/** Swapped letters are the commonest slip, so they count for less than a missing one. */
function howFar(found: string, name: string): number {
  const letters = (text: string) => Array.from(text).sort().join('')
  const far = distance(found, name)
  return far === 2 && letters(found) === letters(name) ? 0.5 : far
}
