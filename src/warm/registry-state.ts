// What a run knows of one registry: how much at once, how patient, how many pulls, what was counted.

import pLimit from 'p-limit'
import type { WarmProgress, WarmRegistry } from '../care/warm-job.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { PullQuota } from '../upstream/upstream.ts'
import { Lacking } from './causes.ts'
import { Patience } from './patience.ts'
import type { PatienceOptions } from './patience.ts'
import { PullBudget, reserveOf } from './quota.ts'

const HEADS_AT_ONCE = 4
const MANIFESTS_AT_ONCE = 2
const BLOBS_AT_ONCE = 3

/** `visibility`: looked at by the mirror, mostly without asking anybody. */
export type RequestKind = 'heads' | 'lists' | 'manifests' | 'blobs' | 'visibility'

/** Others of the same registry need not try, and may go on later. */
export class PullsUsedUp extends Lacking {
  constructor(because: string) {
    super('quota', because, 'run it again later, or with a lower --reserve')
  }
}

export interface RegistryOptions extends PatienceOptions {
  readonly quota: () => PullQuota | undefined
  readonly reserve: number | undefined
}

export class RegistryState {
  readonly name: string
  readonly patience: Patience
  readonly budget: PullBudget
  plannedPulls = 0
  pulls = 0
  readonly #options: RegistryOptions
  readonly #sent = { heads: 0, lists: 0, manifests: 0, blobs: 0, visibility: 0 }
  readonly #slots = {
    heads: pLimit(HEADS_AT_ONCE),
    lists: pLimit(MANIFESTS_AT_ONCE),
    manifests: pLimit(MANIFESTS_AT_ONCE),
    blobs: pLimit(BLOBS_AT_ONCE),
    visibility: pLimit(HEADS_AT_ONCE),
  }
  #remainingBefore: number | undefined
  #isUsedUp = false

  constructor(options: RegistryOptions) {
    this.#options = options
    this.name = options.registry
    this.patience = new Patience(options)
    this.budget = new PullBudget(options.quota, options.reserve)
  }

  get quota(): PullQuota | undefined {
    return this.#options.quota()
  }

  get isUsedUp(): boolean {
    return this.#isUsedUp
  }

  /** Waits for its turn and for pauses, and tries as often as it is worth it. */
  ask<T>(
    kind: RequestKind,
    work: () => Promise<T>,
    signal: AbortSignal,
    tried: (failed: number) => void = () => undefined,
  ): Promise<T> {
    let tries = 0
    const count = (): void => {
      this.#sent[kind] += 1
      tried((tries += 1))
    }
    return this.#slots[kind](() => this.patience.bear(work, count, signal))
  }

  /** Said once until it gives some again. */
  usedUp(): PullsUsedUp {
    const { quota, name } = this
    const count = quota?.remaining ?? 0
    if (!this.#isUsedUp) {
      this.#options.notice(`${name}: ${count} pulls are left and kept for people`)
    }
    this.#isUsedUp = true
    return new PullsUsedUp(`${name} has ${count} pulls left, and they are kept for people`)
  }

  /** Whether it may be asked for manifests again. */
  givesAgain(): boolean {
    if (this.budget.left === 0) return false
    this.#isUsedUp = false
    return true
  }

  planned(pulls: number): void {
    this.plannedPulls = pulls
    this.#remainingBefore = this.quota?.remaining
  }

  report(): WarmRegistry {
    const { quota, patience } = this
    return {
      registry: this.name,
      plannedPulls: this.plannedPulls,
      pulls: this.pulls,
      heads: this.#sent.heads,
      lists: this.#sent.lists,
      blobs: this.#sent.blobs,
      rateLimited: patience.rateLimited,
      waitedMs: patience.waitedMs,
      quotaLimit: quota?.limit,
      remainingBefore: this.#remainingBefore,
      remainingAfter: quota?.remaining,
      reserve: quota && reserveOf(quota, this.#options.reserve),
    }
  }
}

/** Those that a run has to do with, in the order in which it met them. */
export class RegistryStates {
  readonly #states = new Map<string, RegistryState>()
  readonly #make: (registry: string) => RegistryState

  constructor(make: (registry: string) => RegistryState) {
    this.#make = make
  }

  of(registry: string): RegistryState {
    const known = this.#states.get(registry)
    if (known) return known
    const state = this.#make(registry)
    this.#states.set(registry, state)
    return state
  }

  get all(): readonly RegistryState[] {
    return [...this.#states.values()]
  }
}

export function quotasOf(registries: RegistryStates): WarmProgress['quotas'] {
  return registries.all.flatMap(({ name, quota }) =>
    quota ? [{ registry: name, remaining: quota.remaining }] : [],
  )
}

/** What keeps a run from going on, as a sentence goes on behind "waiting for". */
export function whatWaits(
  registries: RegistryStates,
  mirror: Pick<WarmMirror, 'isYielding'>,
): string | undefined {
  const names = (states: readonly RegistryState[]): string =>
    states.map(({ name }) => name).join(', ')
  const paused = registries.all.filter(({ patience }) => patience.isPaused)
  if (paused.length > 0) return `${names(paused)}, to be asked again`
  if (mirror.isYielding) return 'live pulls, which go first'
  const usedUp = registries.all.filter(({ isUsedUp }) => isUsedUp)
  return usedUp.length > 0 ? `${names(usedUp)} to give pulls again` : undefined
}
