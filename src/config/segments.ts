// Over how many connections one large download may come.

import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

/** Registries limit the connections of one address, and count what is asked over each. */
const SEGMENTS_MAX = 16

export function parseSegments(text: string): Parsed<number> {
  const segments = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (segments >= 1 && segments <= SEGMENTS_MAX) return { value: segments }
  return {
    problem: `${quote(text)} is not a number of connections from 1 to ${SEGMENTS_MAX}, such as 4`,
  }
}
