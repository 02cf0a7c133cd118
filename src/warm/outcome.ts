// How a run ended, from what became of its images. Pure.

import type { WarmAsk, WarmCause, WarmOutcome, WarmResult } from '../care/warm-job.ts'
import type { EndedBy } from './ending.ts'

export interface Ended {
  readonly mode: WarmAsk['mode']
  readonly results: readonly Pick<WarmResult, 'status' | 'cause' | 'because' | 'registry'>[]
  readonly by: EndedBy | undefined
  /** What ended it early. */
  readonly because: string | undefined
}

export interface Outcome {
  readonly outcome: WarmOutcome
  readonly because: string | undefined
}

export function outcomeOf({ mode, results, by, because }: Ended): Outcome {
  const count = (status: WarmResult['status']): number =>
    results.filter((result) => result.status === status).length
  const failed = count('failed')
  if (by === 'stopped') return { outcome: 'interrupted', because }
  const isAllLost = failed > 0 && failed === results.length
  const isFull = failed > 0 && count('warmed') === 0 && results.every(isFreshOrFull)
  if (isAllLost || isFull) return { outcome: 'nothing', because: because ?? commonReason(results) }
  if (failed > 0) return { outcome: 'failures', because }
  if (mode === 'check' && count('stale') > 0) return { outcome: 'stale', because }
  const left = count('left')
  if (left > 0) return { outcome: 'left', because: because ?? firstReason(results, 'left') }
  return { outcome: 'done', because }
}

const FULL: readonly (WarmCause | undefined)[] = ['disk', 'room']

function isFreshOrFull({ status, cause }: Ended['results'][number]): boolean {
  return status === 'fresh' || FULL.includes(cause)
}

/** What all failed for, where that is one thing. */
function commonReason(results: Ended['results']): string | undefined {
  const [first] = results
  if (!first || results.some(({ cause }) => cause !== first.cause)) return undefined
  if (first.cause === 'unreachable') {
    const registries = [...new Set(results.map(({ registry }) => registry))].join(', ')
    return `no network: nothing could be reached of ${registries} (${first.because})`
  }
  if (first.cause === 'offline') return 'the mirror is declared offline, so nothing was asked'
  return first.because
}

function firstReason(results: Ended['results'], status: string): string | undefined {
  return results.find((result) => result.status === status)?.because
}
