// A limit on one answer: each question to upstream has its own, but an answer may take several of them.

import { UpstreamError } from '../errors.ts'
import { within } from '../lib/within.ts'

/** containerd gives up on a mirror that is silent for 30 s. */
const ANSWER_WITHIN_MS = 28_000

export interface Patience<T> {
  /** For what comes too late and has to be given back. */
  readonly dismiss?: (late: T) => void
  readonly limitMs?: number
}

/** What comes too late is still stored, for the next who asks. */
export async function inTime<T extends object | number | undefined>(
  what: string,
  answering: Promise<T>,
  { dismiss, limitMs = ANSWER_WITHIN_MS }: Patience<T> = {},
): Promise<T> {
  const answered = await within(limitMs, answering)
  if (answered !== 'slow') return answered
  if (dismiss) void answering.then(dismiss, () => undefined)
  throw new UpstreamError('timed-out', `no answer about ${what} within ${limitMs / 1000} s`)
}
