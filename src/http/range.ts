// The Range header against a blob of known size (RFC 9110 section 14). Pure.

import type { BlobWindow } from '../mirror/blob-answer.ts'

/** More ranges than a partial pull sends in one request; beyond it the whole blob is the answer. */
const RANGES_MAX = 1000

/**
 * - `whole`: no range, or none that has to be understood
 * - `unsatisfiable`: 416
 * - windows: 206, in the order asked for
 */
export type Ranges = 'whole' | 'unsatisfiable' | readonly BlobWindow[]

export function parseRange(header: string | undefined, sizeBytes: number): Ranges {
  const match = /^bytes=(.*)$/i.exec(header?.trim() ?? '')
  const specs = match?.[1]?.split(',').map((spec) => /^(\d*)-(\d*)$/.exec(spec.trim()))
  if (!specs || specs.length > RANGES_MAX) return 'whole'
  const windows: BlobWindow[] = []
  for (const spec of specs) {
    const [, first = '', last = ''] = spec ?? []
    if (first === '' && last === '') return 'whole'
    const window = windowOf(first, last, sizeBytes)
    if (window) windows.push(window)
  }
  if (windows.length === 0) return 'unsatisfiable'
  // RFC 9110 section 14.2: overlapping ranges are a way to ask for much more than there is.
  const asked = windows.reduce((sum, { start, end }) => sum + end - start, 0)
  return asked > sizeBytes ? 'whole' : windows
}

/** `500-0` may be ignored by the RFC, but the OCI conformance suite wants 416: no window. */
function windowOf(first: string, last: string, sizeBytes: number): BlobWindow | undefined {
  if (first === '') {
    const start = Math.max(0, sizeBytes - Number(last))
    return start < sizeBytes ? { start, end: sizeBytes, isOpen: false } : undefined
  }
  const start = Number(first)
  // regclient asks one past the end: clamped.
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  return start < end ? { start, end, isOpen: last === '' } : undefined
}
