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
  const tooMuch = results.filter(({ cause }) => cause === 'budget').length
  if (tooMuch > 0) return { outcome: 'over-budget', because: because ?? moreThanKept(tooMuch) }
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

/** One sentence for all that failed: of what is the matter with none of them in particular, or how many. */
function commonReason(results: Ended['results']): string {
  const failed = results.filter(({ status }) => status === 'failed')
  const causes = new Set(failed.map(({ cause }) => cause))
  const [cause] = causes.size === 1 ? causes : [undefined]
  const because = failed[0]?.because
  if (cause === 'unreachable') {
    const registries = [...new Set(failed.map(({ registry }) => registry))].join(', ')
    return `no network: nothing could be reached of ${registries} (${because})`
  }
  if (cause === 'offline') return 'the mirror is declared offline, so nothing was asked'
  if (cause === 'disk' && because !== undefined) return because
  if ([...causes].every((each) => FULL.includes(each))) {
    return 'the store has no room for what was to be fetched'
  }
  return failed.length === 1 ? 'the only image failed' : `all ${failed.length} images failed`
}

function moreThanKept(count: number): string {
  return `${count} ${count === 1 ? 'image is' : 'images are'} more than lists may keep`
}

function firstReason(results: Ended['results'], status: string): string | undefined {
  return results.find((result) => result.status === status)?.because
}
