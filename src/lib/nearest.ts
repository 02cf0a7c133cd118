// Which known name somebody meant who typed another one.

import { distance } from 'fastest-levenshtein'

/** Undefined where none is close. */
export function nearest(found: string, known: readonly string[]): string | undefined {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const wanted = plain(found)
  let best: { readonly name: string; readonly far: number } | undefined
  for (const name of known) {
    const far = howFar(wanted, plain(name))
    if (best === undefined || far < best.far) best = { name, far }
  }
  const farMax = Math.min(wanted.length - 1, Math.max(2, found.length / 3))
  return best === undefined || best.far > farMax ? undefined : best.name
}

/** Swapped letters are the commonest slip, so they count for less than a missing one. */
function howFar(found: string, name: string): number {
  const letters = (text: string): string => Array.from(text).sort().join('')
  const far = distance(found, name)
  return far === 2 && letters(found) === letters(name) ? 0.5 : far
}
