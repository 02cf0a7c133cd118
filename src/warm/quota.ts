// How many pulls of a registry a run may still take, leaving some to people.

import type { PullQuota } from '../upstream/upstream.ts'

/** Left to people where they do not say how many: so many, or a part of a small quota. */
const RESERVE_MAX = 20
const RESERVE_PART = 5

export function reserveOf(
  quota: Pick<PullQuota, 'limit' | 'remaining'>,
  asked: number | undefined,
): number {
  if (asked !== undefined) return asked
  return Math.min(RESERVE_MAX, Math.floor((quota.limit ?? quota.remaining) / RESERVE_PART))
}

/** Answers that overtake each other tell what was left in another order: by so much at most. */
const OVERTAKEN_MAX = 2

/** No registry counts over longer than a day. */
const WINDOW_MAX_SECONDS = 24 * 3600

/** What was told longer ago than it is counted over says nothing any more. */
export function isOver({ toldAtMs, windowSeconds }: PullQuota, nowMs: number): boolean {
  return nowMs - toldAtMs >= (windowSeconds ?? WINDOW_MAX_SECONDS) * 1000
}

export interface PullBudgetOptions {
  /** What the registry told last. */
  readonly quota: () => PullQuota | undefined
  readonly reserve: number | undefined
  readonly now: () => number
}

/**
 * What a registry told counts what it had answered until then. Requests since, and those that are on
 * their way, come off it until it tells again.
 */
export class PullBudget {
  readonly #told: () => PullQuota | undefined
  readonly #reserve: number | undefined
  #last: PullQuota | undefined
  #remaining = 0
  #running = 0
  #sinceTold = 0
  /** News that no answer of ours has come with yet. */
  #unclaimed = 0
  #isTried = false

  constructor(options: PullBudgetOptions) {
    const { quota, now } = options
    this.#told = () => {
      const told = quota()
      return told && !isOver(told, now()) ? told : undefined
    }
    this.#reserve = options.reserve
  }

  get quota(): PullQuota | undefined {
    return this.#told()
  }

  /** Nothing has shown yet whether it counts: neither a HEAD nor a pull was answered. */
  get isUntried(): boolean {
    return !this.#isTried && !this.#told()
  }

  /** It had its chance to tell. */
  answered(): void {
    this.#isTried = true
  }

  /** Undefined: the registry counts nothing, as far as is known. */
  get left(): number | undefined {
    const quota = this.#told()
    if (!quota) return undefined
    // When this is over, it is to be found out anew.
    this.#isTried = false
    this.#hear(quota)
    const reserve = reserveOf(quota, this.#reserve)
    return Math.max(0, this.#remaining - this.#running - this.#sinceTold - reserve)
  }

  /** One more is sent. Undefined: none may be. */
  begin(): RunningPull | undefined {
    if (this.left === 0) return undefined
    if (this.#running === 0) this.#unclaimed = 0
    this.#running += 1
    return {
      end: ({ wasAsked }) => {
        this.#running -= 1
        const quota = this.#told()
        if (quota) this.#hear(quota)
        if (!wasAsked) return
        this.answered()
        if (this.#unclaimed > 0) this.#unclaimed -= 1
        else this.#sinceTold += 1
      },
    }
  }

  #hear(quota: PullQuota): void {
    const last = this.#last
    if (last?.toldAtMs === quota.toldAtMs && last.remaining === quota.remaining) return
    const rise = quota.remaining - this.#remaining
    const isOvertaken = last !== undefined && rise > 0 && rise <= OVERTAKEN_MAX
    if (!isOvertaken) this.#remaining = quota.remaining
    this.#sinceTold = 0
    this.#unclaimed += 1
    this.#last = quota
  }
}

export interface RunningPull {
  /** `wasAsked`: it may have been counted; who got no answer cannot know. */
  end(how: { readonly wasAsked: boolean }): void
}
