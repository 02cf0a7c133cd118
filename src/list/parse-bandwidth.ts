// `@bandwidth 40MB/s`

import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'
import { readSize } from './values.ts'
import type { Word } from './words.ts'

const EXAMPLE = '@bandwidth 40MB/s'

/** In bytes per second. */
export function parseBandwidth([rate, more]: readonly Word[], { at }: Word): Read<number> {
  if (!rate) return mistaken(at, `@bandwidth needs how much: ${EXAMPLE}`)
  if (more) return mistaken(more.at, `nothing follows the bandwidth: not ${quoted(more.text)}`)
  const size = rate.text.replace(/\/s(?:ec)?$/i, '')
  const read = readSize({ text: size, at: rate.at }, EXAMPLE)
  return 'value' in read
    ? read
    : mistaken(
        rate.at,
        `${quoted(rate.text)} is not bytes per second with their unit, as in ${EXAMPLE}`,
      )
}
