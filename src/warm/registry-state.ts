// What a run knows of one registry: how much at once, how patient, how many pulls, what was counted.

import pLimit from 'p-limit'
import type { WarmProgress, WarmRegistry } from '../care/warm-job.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { PullQuota } from '../upstream/upstream.ts'
import { Lacking } from './causes.ts'
import { Patience } from './patience.ts'
import type { Sending, PatienceOptions, Traffic } from './patience.ts'
import { PullBudget, reserveOf } from './quota.ts'
import type { RunningPull } from './quota.ts'
import { Spacing } from './spacing.ts'

const HEADS_AT_ONCE = 4
const MANIFESTS_AT_ONCE = 2
const BLOBS_AT_ONCE = 3

/** `visibility`: looked at by the mirror, mostly without asking anybody. */
export type RequestKind = 'heads' | 'lists' | 'manifests' | 'blobs' | 'visibility'

const TRAFFIC: Readonly<Record<RequestKind, Traffic>> = {
  heads: 'lookups',
  lists: 'lookups',
  manifests: 'manifests',
  blobs: 'blobs',
  visibility: 'lookups',
}

/** Others of the same registry need not try, and may go on later. */
export class PullsUsedUp extends Lacking {
  constructor(because: string, isReserveOfList: boolean) {
    const reserve = isReserveOfList ? 'reserve= in its @registry line' : '--reserve'
    super('quota', because, `run it again later, or with a lower ${reserve}`)
  }
}

/** Where pulls are counted no more are taken than the price said. */
export class MoreThanPlanned extends Lacking {
  constructor() {
    const because = 'it needs more pulls than could be told before'
    super('quota', because, 'run it again: its next price knows more')
  }
}

export interface RegistryOptions extends Omit<PatienceOptions, 'turn'> {
  readonly quota: () => PullQuota | undefined
  readonly reserve: number | undefined
  /** An `@registry` says it. */
  readonly isReserveOfList: boolean
  /** Images of it at once. */
  readonly jobs: number
  /** Undefined: as many as its slots let through. */
  readonly requestsPerSecond: number | undefined
}

export class RegistryState {
  readonly name: string
  readonly jobs: number
  readonly patience: Patience
  readonly budget: PullBudget
  plannedPulls = 0
  pulls = 0
  /** Ends with the pull that shows whether pulls are counted: others come after it. */
  firstPull: Promise<void> | undefined
  readonly #options: RegistryOptions
  readonly #sent = { heads: 0, lists: 0, manifests: 0, blobs: 0, visibility: 0 }
  readonly #slots = {
    heads: pLimit(HEADS_AT_ONCE),
    lists: pLimit(MANIFESTS_AT_ONCE),
    manifests: pLimit(MANIFESTS_AT_ONCE),
    blobs: pLimit(BLOBS_AT_ONCE),
    visibility: pLimit(HEADS_AT_ONCE),
  }
  readonly #spacing: Spacing | 0 | undefined
  /** Manifests that pulls brought, and that those under way may bring. */
  #arrived = 0
  #arriving = 0
  #remainingBefore: number | undefined
  #isUsedUp = false

  constructor(options: RegistryOptions) {
    this.#options = options
    this.name = options.registry
    this.jobs = options.jobs
    const { requestsPerSecond } = options
    this.#spacing = requestsPerSecond && new Spacing(1000 / requestsPerSecond, options)
    this.patience = new Patience({ ...options, turn: (signal) => this.turn(signal) })
    this.budget = new PullBudget(options)
  }

  get quota(): PullQuota | undefined {
    return this.budget.quota
  }

  get isCounted(): boolean {
    return this.quota !== undefined
  }

  get isUsedUp(): boolean {
    return this.#isUsedUp
  }

  /** Until the next request may be sent; what is asked by `ask` has waited for it. */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#spacing) await this.#spacing.turn(signal)
  }

  /** Waits for its turn and for pauses, and tries as often as it is worth it. */
  async ask<T>(
    kind: RequestKind,
    work: (progressed: () => void) => Promise<T>,
    signal: AbortSignal,
    tried?: (failed: number) => void,
  ): Promise<T> {
    const inTurn = async ({ turn, progressed }: Sending): Promise<T> => {
      await turn()
      return await work(progressed)
    }
    return await this.askIfNeeded(kind, inTurn, signal, tried)
  }

  /** The same for work that waits for its turn itself, once it knows that it sends anything. */
  async askIfNeeded<T>(
    kind: RequestKind,
    work: (sending: Sending) => Promise<T>,
    signal: AbortSignal,
    tried: (failed: number) => void = () => undefined,
  ): Promise<T> {
    let tries = 0
    const count = (): void => {
      this.#sent[kind] += 1
      tried((tries += 1))
    }
    const bear = () => this.patience.bear(TRAFFIC[kind], work, count, signal)
    const result = await this.#slots[kind](bear)
    if (kind === 'heads') this.budget.answered()
    return result
  }

  /** Throws where no pull may be taken. */
  beginPull(): ManifestPull {
    if (this.isCounted && this.#arrived + this.#arriving >= this.plannedPulls) {
      throw new MoreThanPlanned()
    }
    const isFirst = this.budget.isUntried
    const pull = this.budget.begin()
    if (!pull) throw this.#usedUp()
    this.#arriving += 1
    const { promise, resolve } = Promise.withResolvers<void>()
    if (isFirst) this.firstPull = promise
    return {
      end: ({ wasAsked, hasArrived }) => {
        this.#arriving -= 1
        if (hasArrived) this.#arrived += 1
        pull.end({ wasAsked })
        if (isFirst) this.firstPull = undefined
        resolve()
      },
    }
  }

  /** Said once until it gives some again. */
  #usedUp(): PullsUsedUp {
    const { quota, name } = this
    const { isReserveOfList } = this.#options
    const count = quota?.remaining ?? 0
    if (!this.#isUsedUp) {
      this.#options.notice(`${name}: ${count} pulls are left and kept for people`)
    }
    this.#isUsedUp = true
    const because = `${name} has ${count} pulls left, and they are kept for people`
    return new PullsUsedUp(because, isReserveOfList)
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

  /** What an index of an unknown kind lists, and what is asked for again, no plan can tell. */
  tellUnplanned(): void {
    const more = this.pulls - this.plannedPulls
    if (more <= 0) return
    this.#options.notice(
      `${this.name}: ${more} more pull${more === 1 ? '' : 's'} than were planned`,
    )
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
      ...(this.#options.isReserveOfList && { isReserveOfList: true }),
    }
  }
}

export interface ManifestPull {
  end(how: Parameters<RunningPull['end']>[0] & { readonly hasArrived: boolean }): void
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
