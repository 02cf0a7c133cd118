// What the directives of lists change for a run: how registries are asked, how fast, and until when.

import type { WarmAsk } from '../care/warm-job.ts'
import type { ParsedList, RegistryRule } from '../list/list-entry.ts'
import type { Naming } from '../list/name-pattern.ts'
import { windowEnd } from './window.ts'

export interface Limits {
  readonly reserve: number | undefined
  /** It is not that of the command. */
  readonly isReserveOfList: boolean
  readonly jobs: number
  readonly requestsPerSecond: number | undefined
}

/** What a list says of a registry stands before what the command says; of several lists the stricter. */
export class RegistryLimits {
  /** Of rules that are for no registry that is served. */
  readonly notices: string[] = []
  readonly #rules = new Map<string, RegistryRule[]>()
  readonly #ask: Pick<WarmAsk, 'reserve' | 'jobs'>

  constructor(
    lists: readonly ParsedList[],
    ask: Pick<WarmAsk, 'reserve' | 'jobs'>,
    naming: Naming,
  ) {
    this.#ask = ask
    for (const rule of lists.flatMap(({ registries }) => registries)) {
      const canonical = naming(`${rule.host}/**`)
      if ('refused' in canonical) {
        this.notices.push(`@registry ${rule.host}: ${canonical.refused}`)
        continue
      }
      const rules = this.#rules.get(canonical.registry) ?? []
      this.#rules.set(canonical.registry, [...rules, rule])
    }
  }

  /** Of the registry that takes most. */
  get mostJobs(): number {
    return Math.max(this.#ask.jobs, ...[...this.#rules.keys()].map((each) => this.of(each).jobs))
  }

  of(registry: string): Limits {
    const rules = this.#rules.get(registry) ?? []
    const said = (of: (rule: RegistryRule) => number | undefined): readonly number[] =>
      rules.flatMap((rule) => of(rule) ?? [])
    const reserves = said(({ reserve }) => reserve)
    const rates = said(({ requestsPerSecond }) => requestsPerSecond)
    const jobs = said((rule) => rule.jobs)
    return {
      reserve: reserves.length > 0 ? Math.max(...reserves) : this.#ask.reserve,
      isReserveOfList: reserves.length > 0,
      jobs: jobs.length > 0 ? Math.min(...jobs) : this.#ask.jobs,
      requestsPerSecond: rates.length > 0 ? Math.min(...rates) : undefined,
    }
  }
}

/** `@bandwidth`, unless the command says what it is to be. */
export function bandwidthOf(
  lists: readonly ParsedList[],
  { bytesPerSecond }: Pick<WarmAsk, 'bytesPerSecond'>,
): number | undefined {
  const said = lists.flatMap((list) => list.bytesPerSecond ?? [])
  return bytesPerSecond ?? (said.length > 0 ? Math.min(...said) : undefined)
}

export interface Time {
  readonly untilAt: number | undefined
  /** Worth a word. */
  readonly notice: string | undefined
}

/** `@window`, unless whoever asked says when to end: its end, where the run begins in it. */
export function timeOf(
  lists: readonly ParsedList[],
  { untilAt, isScheduled = false }: Pick<WarmAsk, 'untilAt' | 'isScheduled'>,
  now: number,
): Time {
  const windows = lists.flatMap((list) => list.windows)
  if (untilAt !== undefined || isScheduled || windows.length === 0) {
    return { untilAt, notice: undefined }
  }
  const end = windowEnd(windows, now)
  if (end !== undefined) return { untilAt: end, notice: undefined }
  const notice =
    'it begins outside the @window of its list, and so has no end but its own (--until)'
  return { untilAt: undefined, notice }
}
