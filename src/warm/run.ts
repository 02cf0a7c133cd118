// One run: plan → price → manifests → blobs → what became of it.

import pLimit from 'p-limit'
import type { WarmAsk, WarmProgress, WarmReport, WarmRow } from '../care/warm-job.ts'
import type { Talk } from '../care/jobs.ts'
import { JobRefused } from '../errors.ts'
import { parseList } from '../list/parse-list.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import { BlobFetching } from './blobs.ts'
import { Board } from './board.ts'
import { end, giveUp } from './context.ts'
import type { RunContext } from './context.ts'
import { Ending } from './ending.ts'
import { Finishing } from './finishing.ts'
import type { FinishingOptions } from './finishing.ts'
import type { Image } from './image.ts'
import { ManifestFetching } from './manifests.ts'
import { outcomeOf } from './outcome.ts'
import { lookAgain, planOf } from './plan.ts'
import type { Plan } from './plan.ts'
import { priceOf } from './price.ts'
import { quotasOf, RegistryState, RegistryStates, whatWaits } from './registry-state.ts'
import { reportOf } from './report.ts'
import { pullsAgain } from './second-look.ts'
import { wantedOf } from './wanted.ts'

export interface RunOptions extends FinishingOptions {
  readonly mirror: WarmMirror
  /** Names of images that the last run left. */
  readonly leftBefore: ReadonlySet<string>
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
}

export class Run {
  readonly #options: RunOptions
  readonly #ask: WarmAsk
  readonly #id: string
  readonly #context: RunContext
  readonly #finishing: Finishing

  constructor(options: RunOptions, ask: WarmAsk, talk: Talk<WarmRow, WarmProgress>, id: string) {
    this.#options = options
    this.#ask = ask
    this.#id = id
    const { mirror, now, sleep, random } = options
    const registries = new RegistryStates(
      (registry) =>
        new RegistryState({
          ...{ registry, now, sleep, random, reserve: ask.reserve },
          notice: (text) => board.notice(text),
          quota: () => mirror.quota(registry),
        }),
    )
    const board = new Board({
      ...{ talk, now },
      quotas: () => quotasOf(registries),
      waitingFor: () => whatWaits(registries, mirror),
    })
    const ending = new Ending(talk.signal, ask.untilAt, sleep, now)
    this.#context = { mirror, registries, board, ending }
    this.#finishing = new Finishing(this.#context, options)
  }

  async toReport(): Promise<WarmReport> {
    const { mirror, board, ending } = this.#context
    const startedAtMs = this.#options.now()
    // A plan may be made beside a run, whose cap it leaves alone.
    const isRun = this.#ask.mode === 'run'
    if (isRun) mirror.limitBandwidth(this.#ask.bytesPerSecond)
    try {
      const plan = await this.#plan()
      if (isRun) await this.#fetchAll(plan.images)
      return this.#report(plan, startedAtMs)
    } finally {
      if (isRun) mirror.limitBandwidth(undefined)
      ending.close()
      await board.close()
    }
  }

  async #plan(): Promise<Plan> {
    const { mirror, board, registries, ending } = this.#context
    const { sources, platforms, mode, untilAt } = this.#ask
    const lists = sources.map((source) => parseList(source))
    const [problem] = lists.flatMap(({ problems }) => problems)
    if (problem) {
      const { source, line, column, message } = problem
      throw new JobRefused(`${source}:${line}:${column}: ${message}`)
    }
    const entries = lists.flatMap((list) => list.entries)
    const wanted = wantedOf(entries, platforms, (name) => mirror.repository(name))
    const plan = await planOf(this.#context, wanted)
    for (const image of plan.images) {
      const isLookedAtAgain = mode === 'run' && untilAt !== undefined
      if (image.isDeferred && !isLookedAtAgain) this.#leave(image)
      else if (image.status === 'stale' && mode !== 'run') board.ended(image)
    }
    const price = priceOf(plan, registries)
    // Of a plan that is not whole it would be the price of a part.
    if (ending.by === undefined) board.row({ kind: 'price', price })
    return plan
  }

  async #fetchAll(images: readonly Image[]): Promise<void> {
    const { ending, registries } = this.#context
    const unfinished = images.filter(({ isDone }) => !isDone)
    if (unfinished.length === 0) return
    for (const image of images) if (image.status === 'fresh') await this.#finishing.pin(image)
    // A registry that makes its images wait keeps those of no other waiting.
    const blobs = this.#blobFetching()
    await Promise.all(
      [...byRegistry(unfinished).values()].map((each) => this.#fetchOfRegistry(each, blobs)),
    )
    this.#context.board.phase('ending')
    for (const registry of registries.all) registry.tellUnplanned()
    for (const image of unfinished) {
      if (image.isDeferred) this.#leave(image)
      else if (image.status === 'stale') {
        giveUp(this.#context, image, new Error(ending.because))
      }
    }
  }

  #blobFetching(): BlobFetching {
    return new BlobFetching(this.#context, {
      jobs: this.#ask.jobs,
      wasLeft: ({ wanted }) => this.#options.leftBefore.has(wanted.name),
      finish: (image) => this.#finishing.finish(image),
    })
  }

  async #fetchOfRegistry(images: readonly Image[], blobs: BlobFetching): Promise<void> {
    let turn: readonly Image[] = images.filter(({ isDeferred }) => !isDeferred)
    for (;;) {
      await this.#fetch(turn, blobs)
      turn = await this.#waitForPulls(images.filter(({ isDeferred }) => isDeferred))
      if (turn.length === 0) return
      const unplanned = turn.filter(({ status }) => status === undefined)
      await lookAgain(this.#context, unplanned)
      turn = turn.filter(({ status }) => status === 'stale')
    }
  }

  /** All manifests first: they are what quotas count, and only they tell what is shared. */
  async #fetch(images: readonly Image[], blobs: BlobFetching): Promise<void> {
    const { board } = this.#context
    const manifests = new ManifestFetching(this.#context)
    const inTurn = pLimit(this.#ask.jobs)
    board.phase('manifests')
    await Promise.all(images.map((image) => inTurn(() => this.#fetchManifests(manifests, image))))
    const isOpen = (image: Image): boolean => !image.isDone && !image.isDeferred
    board.phase('blobs')
    await blobs.fetch(images.filter(isOpen))
    // Parts of them are gone again.
    const again = images.filter(isOpen)
    if (again.length > 0 && this.#context.ending.by === undefined) await this.#fetch(again, blobs)
  }

  async #fetchManifests(manifests: ManifestFetching, image: Image): Promise<void> {
    image.isDeferred = false
    try {
      // Nothing that comes for others is to push it out again, neither before nor after it is whole.
      await this.#finishing.pin(image)
      await manifests.fetch(image)
      await this.#finishing.pin(image)
      await this.#finishing.refuseEarly(image)
    } catch (error) {
      giveUp(this.#context, image, error)
    }
  }

  /** Those that may go on; none where it is not waited for, or the end came first. */
  async #waitForPulls(deferred: readonly Image[]): Promise<readonly Image[]> {
    if (deferred.length === 0 || this.#ask.untilAt === undefined) return []
    return await pullsAgain(this.#context, deferred, this.#options.sleep)
  }

  #leave(image: Image): void {
    end(this.#context, image, 'left', image.why)
  }

  #report({ images, unmet }: Plan, startedAtMs: number): WarmReport {
    const { ending, registries } = this.#context
    const { by, because } = ending
    // What need not exist is found missing late where its registry had to be waited for.
    const told = images.filter(({ status, isDeferred }) => status !== undefined || isDeferred)
    const results = [...unmet, ...told.map((image) => image.result())]
    return reportOf({
      ...outcomeOf({ mode: this.#ask.mode, results, by, because }),
      ...{ run: this.#id, ask: this.#ask, startedAtMs, endedAtMs: this.#options.now(), results },
      registries: registries.all.map((registry) => registry.report()),
    })
  }
}

function byRegistry(images: readonly Image[]): ReadonlyMap<string, readonly Image[]> {
  const groups = new Map<string, Image[]>()
  for (const image of images) {
    const group = groups.get(image.registry)
    if (group) group.push(image)
    else groups.set(image.registry, [image])
  }
  return groups
}
