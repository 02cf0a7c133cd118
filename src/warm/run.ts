// One run: plan → price → manifests → blobs → what became of it.

import pLimit from 'p-limit'
import type { WarmAsk, WarmProgress, WarmReport, WarmRow } from '../care/warm-job.ts'
import type { Talk } from '../care/jobs.ts'
import type { Naming } from '../list/name-pattern.ts'
import type { Cap } from '../mirror/pace.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { LeftPin } from '../store/index-port.ts'
import { Attachments, withAttached } from './attachments.ts'
import { BlobFetching } from './blobs.ts'
import { Board } from './board.ts'
import { PinBudget } from './budget.ts'
import { end, giveUp, passOver, registryOf } from './context.ts'
import type { RunContext } from './context.ts'
import { bandwidthOf, RegistryLimits, timeOf } from './directives.ts'
import type { Time } from './directives.ts'
import { Ending } from './ending.ts'
import { lineRows } from './explained.ts'
import { Finishing } from './finishing.ts'
import type { FinishingOptions } from './finishing.ts'
import type { Image } from './image.ts'
import { byPriority, byRegistry } from './image-order.ts'
import { tooLarge } from './lacks.ts'
import { meaningOfBare } from './line-notes.ts'
import { listPins, releases } from './list-pins.ts'
import type { KeptBy, ListPinsOptions } from './list-pins.ts'
import { readLists } from './list-rules.ts'
import type { WantedList } from './list-rules.ts'
import { ManifestFetching } from './manifests.ts'
import { outcomeOf } from './outcome.ts'
import { isTooLarge, lookAgain, planOf } from './plan.ts'
import type { Plan } from './plan.ts'
import { priceOf } from './price.ts'
import { quotasOf, RegistryState, RegistryStates, whatWaits } from './registry-state.ts'
import { reportOf } from './report.ts'
import { pullsAgain } from './second-look.ts'

export interface RunOptions extends FinishingOptions {
  readonly mirror: WarmMirror
  /** Names of images that the last run left. */
  readonly leftBefore: ReadonlySet<string>
  /** None of its lists was run before, as far as anybody remembers. */
  readonly isFirstRun: boolean
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
}

export class Run {
  readonly #options: RunOptions
  readonly #ask: WarmAsk
  readonly #id: string
  readonly #lists: readonly WantedList[]
  readonly #cap: Cap | undefined
  readonly #time: Time
  readonly #limits: RegistryLimits
  readonly #context: RunContext
  readonly #attachments: Attachments
  /** Found while manifests came: no plan could tell of them. */
  readonly #attached: Image[] = []
  readonly #finishing: Finishing
  readonly #budget: PinBudget
  /** What the lists no longer mean, once there is a plan. */
  #releases: readonly KeptBy[] = []
  /** Whole before the run came to them. */
  readonly #fresh = new Set<Image>()
  #planned: readonly Image[] = []

  constructor(options: RunOptions, ask: WarmAsk, talk: Talk<WarmRow, WarmProgress>, id: string) {
    const { mirror, now, sleep, random } = options
    const naming: Naming = (name) => mirror.canonicalName(name)
    this.#options = options
    this.#ask = ask
    this.#id = id
    this.#lists = readLists(ask.sources, naming)
    const parsed = this.#lists.map((list) => list.parsed)
    const bytesPerSecond = bandwidthOf(parsed, ask)
    this.#cap = bytesPerSecond === undefined ? undefined : { bytesPerSecond }
    this.#time = timeOf(parsed, ask, now())
    const limits = new RegistryLimits(parsed, ask, naming)
    this.#limits = limits
    const registries = new RegistryStates(
      (registry) =>
        new RegistryState({
          ...{ registry, now, sleep, random, ...limits.of(registry) },
          notice: (text) => board.notice(text),
          quota: () => mirror.quota(registry),
        }),
    )
    const board = new Board({
      ...{ talk, now },
      quotas: () => quotasOf(registries),
      waitingFor: () => whatWaits(registries, mirror),
    })
    const ending = new Ending(talk.signal, this.#time.untilAt, sleep, now)
    this.#context = { mirror, registries, board, ending, now }
    this.#attachments = new Attachments(this.#context)
    this.#finishing = new Finishing(this.#context, options)
    this.#budget = new PinBudget(this.#context, {
      releases: () => this.#releases,
      awaited: () => [...this.#planned, ...this.#attached].filter(({ isDone }) => !isDone),
      endLeft: (pins) => this.#letGo(pins),
    })
  }

  async toReport(): Promise<WarmReport> {
    const { board, ending } = this.#context
    const startedAtMs = this.#options.now()
    const isRun = this.#ask.mode === 'run'
    try {
      const planned = await this.#plan()
      const isWhole = ending.by === undefined
      if (isRun) await this.#fetchAll(planned.images)
      const plan = { ...planned, images: withAttached(planned.images, this.#attached) }
      if (isRun) await this.#keepPins(plan, isWhole)
      return this.#report(plan, startedAtMs)
    } finally {
      ending.close()
      await board.close()
    }
  }

  async #plan(): Promise<Plan> {
    const { board, registries, ending } = this.#context
    const { platforms, mode } = this.#ask
    this.#tellOfLists()
    const plan = await this.#planAttached(await planOf(this.#context, this.#lists, platforms))
    for (const image of plan.images) {
      const isLookedAtAgain = mode === 'run' && this.#time.untilAt !== undefined
      if (image.isDeferred && !isLookedAtAgain) this.#leave(image)
      else if (image.status === 'stale' && mode !== 'run') board.ended(image)
    }
    this.#releases = releases(this.#pinning(plan, ending.by === undefined))
    if (mode === 'run') await this.#finishing.keep(this.#releases)
    const price = priceOf(plan, registries)
    if (mode === 'explain') for (const row of lineRows(plan)) board.row({ kind: 'line', ...row })
    // Of a plan that is not whole it would be the price of a part.
    if (ending.by === undefined) {
      // What refers to its images was not asked for: what lists keep with them is more.
      const isTold = mode !== 'explain'
      const { warning, ...kept } = await this.#budget.keptAfter(isTold ? plan.images : [])
      board.row({ kind: 'price', price: { ...price, ...kept } })
      if (mode !== 'run' && warning !== undefined) board.notice(warning)
    }
    return plan
  }

  /** What a line selects can be explained without asking what refers to it. */
  async #planAttached(plan: Plan): Promise<Plan> {
    if (this.#ask.mode === 'explain') return plan
    const look = (found: readonly Image[]) => lookAgain(this.#context, found)
    const attached = await this.#attachments.follow(plan.images, { look })
    return { ...plan, images: withAttached(plan.images, attached) }
  }

  #tellOfLists(): void {
    const { board } = this.#context
    const { mode } = this.#ask
    for (const text of this.#limits.notices) board.notice(text)
    if (mode === 'run' && this.#time.notice !== undefined) board.notice(this.#time.notice)
    if (mode === 'explain' || !this.#options.isFirstRun) return
    const meaning = meaningOfBare(this.#lists.flatMap(({ parsed }) => parsed.entries))
    if (meaning !== undefined) board.notice(meaning)
  }

  async #fetchAll(images: readonly Image[]): Promise<void> {
    const { ending, registries } = this.#context
    const unfinished = images.filter(({ isDone }) => !isDone)
    this.#planned = images
    for (const image of images) if (image.status === 'fresh') this.#fresh.add(image)
    // By priority, each together with what is to come of its registry.
    const waiting = new Set(unfinished.map(({ registry }) => registry))
    const alone = [...this.#fresh].filter(({ registry }) => !waiting.has(registry))
    await this.#budget.leaveTooMuch(alone)
    if (unfinished.length === 0) return
    await this.#pinFresh()
    // A registry that makes its images wait keeps those of no other waiting.
    const blobs = this.#blobFetching()
    await Promise.all(
      [...byRegistry(unfinished).values()].map((each) => this.#fetchOfRegistry(each, blobs)),
    )
    await this.#budget.leaveTooMuch([...this.#fresh])
    this.#context.board.phase('ending')
    for (const registry of registries.all) registry.tellUnplanned()
    for (const image of [...unfinished, ...this.#attached]) {
      if (image.isDeferred) this.#leave(image)
      else if (image.status === 'stale') {
        giveUp(this.#context, image, new Error(ending.because))
      }
    }
  }

  #blobFetching(): BlobFetching {
    return new BlobFetching(this.#context, {
      jobs: this.#limits.mostJobs,
      cap: this.#cap,
      wasLeft: ({ wanted }) => this.#options.leftBefore.has(wanted.name),
      finish: (image) => this.#finishing.finish(image),
    })
  }

  async #fetchOfRegistry(images: readonly Image[], blobs: BlobFetching): Promise<void> {
    let turn: readonly Image[] = images.filter(({ isDeferred }) => !isDeferred)
    for (;;) {
      await this.#fetch(turn, blobs)
      const attached = this.#attached.filter(({ registry }) => registry === images[0]?.registry)
      const all = [...images, ...attached]
      turn = await this.#waitForPulls(all.filter(({ isDeferred }) => isDeferred))
      if (turn.length === 0) return
      const unplanned = turn.filter(({ status }) => status === undefined)
      await lookAgain(this.#context, unplanned)
      for (const image of unplanned) await this.#noteFresh(image)
      turn = turn.filter(({ status }) => status === 'stale')
    }
  }

  /** All manifests first: they are what quotas count, and only they tell what is shared. */
  async #fetch(images: readonly Image[], blobs: BlobFetching): Promise<void> {
    const { board } = this.#context
    const [{ jobs } = { jobs: 1 }] = images.map((image) => registryOf(this.#context, image))
    const manifests = new ManifestFetching(this.#context)
    const inTurn = pLimit(jobs)
    const fetch = async (some: readonly Image[]): Promise<void> => {
      const inOrder = byPriority(some)
      await Promise.all(
        inOrder.map((image) => inTurn(() => this.#fetchManifests(manifests, image))),
      )
    }
    board.phase('manifests')
    await fetch(images)
    const all = withAttached(images, await this.#fetchAttached(images, fetch))
    const isOpen = (image: Image): boolean => !image.isDone && !image.isDeferred
    const fresh = [...this.#fresh].filter(({ registry }) => registry === images[0]?.registry)
    await this.#budget.leaveTooMuch([...fresh, ...all.filter(isOpen)])
    board.phase('blobs')
    await blobs.fetch(all.filter(isOpen))
    // Parts of them are gone again.
    const again = all.filter(isOpen)
    if (again.length > 0 && this.#context.ending.by === undefined) await this.#fetch(again, blobs)
  }

  /** Their manifests tell of manifests to which others refer. */
  async #fetchAttached(
    images: readonly Image[],
    fetch: (images: readonly Image[]) => Promise<void>,
  ): Promise<readonly Image[]> {
    const look = (found: readonly Image[]) => lookAgain(this.#context, found)
    const attached = await this.#attachments.follow(images, { look, fetch })
    this.#attached.push(...attached)
    for (const image of attached) await this.#noteFresh(image)
    return attached
  }

  async #noteFresh(image: Image): Promise<void> {
    if (image.status !== 'fresh') return
    this.#fresh.add(image)
    await this.#finishing.pin(image)
  }

  async #pinFresh(): Promise<void> {
    for (const image of this.#fresh) await this.#finishing.pin(image)
  }

  /** Of what is to stay nothing goes with it: lists keep it only from the end on. */
  async #letGo(pins: readonly LeftPin[]): Promise<void> {
    await this.#pinFresh()
    await this.#finishing.letGo(pins)
  }

  async #fetchManifests(manifests: ManifestFetching, image: Image): Promise<void> {
    image.isDeferred = false
    try {
      // Nothing that comes for others is to push it out again, neither before nor after it is whole.
      await this.#finishing.pin(image)
      await manifests.fetch(image)
      if (image.holding && isTooLarge(image, image.holding)) {
        return passOver(this.#context, image, tooLarge(image.wanted, image.holding.totalBytes))
      }
      await this.#finishing.pin(image)
      await this.#finishing.refuseEarly(image)
    } catch (error) {
      giveUp(this.#context, image, error)
    }
  }

  /** Those that may go on; none where it is not waited for, or the end came first. */
  async #waitForPulls(deferred: readonly Image[]): Promise<readonly Image[]> {
    if (deferred.length === 0 || this.#time.untilAt === undefined) return []
    return await pullsAgain(this.#context, deferred, this.#options.sleep)
  }

  async #keepPins(plan: Plan, isWhole: boolean): Promise<void> {
    await this.#finishing.keep(listPins(this.#pinning(plan, isWhole)))
  }

  #pinning({ images, lines }: Plan, isWhole: boolean): ListPinsOptions {
    const paths = this.#lists.flatMap(({ path }) => path ?? [])
    return { paths, images, lines, isWhole, at: this.#options.now() }
  }

  #leave(image: Image): void {
    end(this.#context, image, 'left', image.why)
  }

  #report({ images, unmet }: Plan, startedAtMs: number): WarmReport {
    const { ending, registries } = this.#context
    const { by, because } = ending
    const told = images.filter(({ passedOver }) => passedOver === undefined)
    const results = [...unmet, ...told.map((image) => image.result())]
    return reportOf({
      ...outcomeOf({ mode: this.#ask.mode, results, by, because }),
      ...{ run: this.#id, ask: this.#ask, startedAtMs, endedAtMs: this.#options.now(), results },
      registries: registries.all.map((registry) => registry.report()),
    })
  }
}
