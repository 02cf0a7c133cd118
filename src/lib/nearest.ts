// Which known name somebody meant who typed another one.

import { distance } from 'fastest-levenshtein'

/** Undefined where none is close. */
export function nearest(found: string, known: readonly string[]): string | undefined {
  return allNear(found, known)[0]
}

/** Those that are close, the closest first. */
export function allNear(found: string, known: readonly string[]): string[] {
  const farMax = Math.min(plain(found).length - 1, Math.max(2, found.length / 3))
  return ranked(found, known).flatMap(({ name, far }) => (far <= farMax ? name : []))
}

/** All of them, the closest first. */
export function byNearness(found: string, known: readonly string[]): string[] {
  return ranked(found, known).map(({ name }) => name)
}

function ranked(
  found: string,
  known: readonly string[],
): { readonly name: string; readonly far: number }[] {
  const wanted = plain(found)
  return known
    .map((name) => ({ name, far: howFar(wanted, plain(name)) }))
    .toSorted((one, other) => one.far - other.far)
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** Swapped letters are the commonest slip, so they count for less than a missing one. */
function howFar(found: string, name: string): number {
  const letters = (text: string): string => Array.from(text).sort().join('')
  const far = distance(found, name)
  return far === 2 && letters(found) === letters(name) ? 0.5 : far
}
