// Which endpoint's answer counts: the first that has the thing, and for its absence the origin's word.

import { UpstreamError } from '../errors.ts'
import type { Endpoint } from './endpoint.ts'

type Word<T> =
  | { readonly said: 'here'; readonly found: T }
  | { readonly said: 'absent' }
  | { readonly said: 'failed'; readonly failure: UpstreamError }

/**
 * Asks in the order given. Undefined: the origin says that there is no such thing. What another one says
 * of absence is little: a public mirror has only what is popular, and refuses (401, 403) the rest.
 * Those that are set aside are asked as a last resort, where no other has an answer.
 */
export async function firstThatHas<T>(
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  ask: (endpoint: Endpoint, isLastResort: boolean) => Promise<T | undefined>,
): Promise<T | undefined> {
  const turns = endpoints.map((endpoint) => ({ endpoint, isLastResort: false }))
  let failure: UpstreamError | undefined
  for (const { endpoint, isLastResort } of turns) {
    const word = await wordOf(ask(endpoint, isLastResort), signal)
    if (word.said === 'here') return word.found
    if (word.said === 'absent') {
      if (endpoint.isOrigin) return undefined
      continue
    }
    if (endpoint.isOrigin) failure = word.failure
    if (word.failure.kind === 'set-aside' && !isLastResort) {
      turns.push({ endpoint, isLastResort: true })
    }
  }
  throw failure ?? new Error('a registry without an origin')
}

/** Throws what ends the whole lookup: its time is over, or it is a mistake of ours. */
async function wordOf<T>(asked: Promise<T | undefined>, signal: AbortSignal): Promise<Word<T>> {
  try {
    const found = await asked
    return found === undefined ? { said: 'absent' } : { said: 'here', found }
  } catch (error) {
    if (signal.aborted || !(error instanceof UpstreamError)) throw error
    return { said: 'failed', failure: error }
  }
}
