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
import { planOf } from './plan.ts'
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
    mirror.limitBandwidth(this.#ask.bytesPerSecond)
    try {
      const plan = await this.#plan()
      if (this.#ask.mode === 'run') await this.#fetchAll(plan.images)
      return this.#report(plan, startedAtMs)
    } finally {
      mirror.limitBandwidth(undefined)
      ending.close()
      await board.close()
    }
  }

  async #plan(): Promise<Plan> {
    const { mirror, board, registries } = this.#context
    const { sources, platforms, mode } = this.#ask
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
      if (image.isDeferred) this.#leave(image)
      else if (image.status === 'stale' && mode !== 'run') board.ended(image)
    }
    board.row({ kind: 'price', price: priceOf(plan, registries) })
    return plan
  }

  async #fetchAll(images: readonly Image[]): Promise<void> {
    const { ending, board } = this.#context
    const stale = images.filter(({ status }) => status === 'stale')
    if (stale.length === 0) return
    for (const image of images) if (image.status === 'fresh') await this.#finishing.pin(image)
    let turn: readonly Image[] = stale
    while (turn.length > 0) {
      await this.#fetch(turn)
      turn = await this.#waitForPulls(stale.filter(({ isDeferred }) => isDeferred))
    }
    board.phase('ending')
    for (const image of stale) {
      if (image.isDeferred) this.#leave(image)
      else if (!image.isDone) giveUp(this.#context, image, new Error(ending.because))
    }
  }

  /** All manifests first: they are what quotas count, and only they tell what is shared. */
  async #fetch(images: readonly Image[]): Promise<void> {
    const { board } = this.#context
    const { jobs } = this.#ask
    const manifests = new ManifestFetching(this.#context)
    const limits = new Map(images.map(({ registry }) => [registry, pLimit(jobs)]))
    board.phase('manifests')
    await Promise.all(
      images.map(async (image) => {
        await limits.get(image.registry)?.(() => this.#fetchManifests(manifests, image))
      }),
    )
    board.phase('blobs')
    const blobs = new BlobFetching(this.#context, {
      jobs,
      wasLeft: ({ wanted }) => this.#options.leftBefore.has(wanted.name),
      finish: (image) => this.#finishing.finish(image),
    })
    await blobs.fetch(images.filter((image) => !image.isDone && !image.isDeferred))
  }

  async #fetchManifests(manifests: ManifestFetching, image: Image): Promise<void> {
    image.isDeferred = false
    try {
      await manifests.fetch(image)
    } catch (error) {
      giveUp(this.#context, image, error)
    }
  }

  /** Those that may go on; none where it is not waited for, or the end came first. */
  async #waitForPulls(deferred: readonly Image[]): Promise<readonly Image[]> {
    if (deferred.length === 0 || this.#ask.untilAt === undefined) return []
    this.#context.board.phase('waiting')
    return await pullsAgain(this.#context, deferred, this.#options.sleep)
  }

  #leave(image: Image): void {
    end(this.#context, image, 'left', image.why)
  }

  #report({ images, unmet }: Plan, startedAtMs: number): WarmReport {
    const { ending, registries } = this.#context
    const { by, because } = ending
    const results = [...unmet, ...images.map((image) => image.result())]
    return reportOf({
      ...outcomeOf({ mode: this.#ask.mode, results, by, because }),
      ...{ run: this.#id, ask: this.#ask, startedAtMs, endedAtMs: this.#options.now(), results },
      registries: registries.all.map((registry) => registry.report()),
    })
  }
}
