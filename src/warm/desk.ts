// Who warms when: one run at a time, the same list is followed by all who ask for it, others wait for
// their turn. What is only looked at waits for nobody.

import type { Jobs } from '../care/jobs.ts'
import type { WarmAnswer, WarmAsk, WarmProgress, WarmReport } from '../care/warm-job.ts'
import { JobRefused } from '../errors.ts'
import { within } from '../lib/within.ts'
import {
  following,
  LEFT_THE_QUEUE,
  NEVER_ITS_TURN,
  NOTHING_GOES_ON,
  queueFull,
  STILL_RUNS,
  STOPPED_BY_OWNER,
  STOPPED_BY_STARTER,
  tooManyLooks,
  waitingBehind,
  whatAndHowFar,
} from './desk-words.ts'
import { FollowedRun } from './followed-run.ts'
import type { WarmTalk } from './followed-run.ts'
import { notBegun } from './waiting.ts'

/** Lists that wait for their turn. */
export const WARM_QUEUE_MAX = 8
/** Plans and checks at once. */
export const LOOKS_MAX = 4
/** For a run to park its downloads and to write its report once the owner has to go. */
const STOP_MAX_MS = 5000

export interface WarmDeskEvents {
  begun(ask: WarmAsk): void
  ended(report: WarmReport): void
  failed(ask: WarmAsk, error: unknown): void
}

export interface WarmDeskOptions {
  /** One run from its plan to its report; `id` names it. */
  readonly run: (ask: WarmAsk, talk: WarmTalk, id: string) => Promise<WarmAnswer>
  /** Whether the owner stays when a command has gone. */
  readonly isServer: boolean
  readonly events: WarmDeskEvents
  readonly newId: () => string
  readonly now: () => number
}

export class WarmDesk {
  readonly #options: WarmDeskOptions
  /** The first one runs. */
  readonly #runs: FollowedRun[] = []
  readonly #looks = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: WarmDeskOptions) {
    this.#options = options
  }

  readonly warm: Jobs['warm'] = async (ask, talk) => {
    if (this.#closing.signal.aborted) throw new JobRefused(NEVER_ITS_TURN)
    if (ask.mode !== 'run') return await this.#look(ask, talk)
    if (ask.isDetached && !this.#options.isServer) throw new JobRefused(NOTHING_GOES_ON)
    const settings = settingsOf(ask)
    const same = this.#runs.find((run) => !run.isStopping && run.settings === settings)
    if (same === undefined) return await this.#enqueue(ask, settings, talk)
    if (ask.isDetached) return this.#detach(same)
    await talk.rows([{ kind: 'notice', text: following(same) }])
    return await watch(same, talk)
  }

  /** What runs ends in good order, what waits is told that its turn will not come. */
  async stop(): Promise<void> {
    this.#closing.abort()
    const [running, ...waiting] = this.#runs
    for (const run of waiting) this.#giveUp(run, new JobRefused(NEVER_ITS_TURN))
    if (running?.isStopping === false) {
      running.say(STOPPED_BY_OWNER)
      running.stop()
    }
    await within(STOP_MAX_MS, Promise.allSettled([this.#running, ...this.#looks]))
  }

  /** It asks only for what costs no pulls, and stores nothing. */
  async #look(ask: WarmAsk, { signal, ...talk }: WarmTalk): Promise<WarmAnswer> {
    if (this.#looks.size >= LOOKS_MAX) throw new JobRefused(tooManyLooks(this.#looks.size))
    const either = AbortSignal.any([signal, this.#closing.signal])
    const { run, newId } = this.#options
    const look = run(ask, { ...talk, signal: either }, newId())
    this.#looks.add(look)
    try {
      return await look
    } finally {
      this.#looks.delete(look)
    }
  }

  async #enqueue(ask: WarmAsk, settings: string, talk: WarmTalk): Promise<WarmAnswer> {
    const ahead = this.#runs.length
    if (ahead > WARM_QUEUE_MAX) throw new JobRefused(queueFull(ahead - 1))
    const run = new FollowedRun(this.#options.newId(), ask, settings)
    const [first] = this.#runs
    this.#runs.push(run)
    if (first === undefined) this.#running = this.#runAll()
    else {
      run.say(waitingBehind(first, ahead - 1))
      run.talk.progress(waitingFor(first))
    }
    if (ask.isDetached) return this.#detach(run)
    const stop = (): void => {
      if (run.isDetached) return
      if (run.startedAt === undefined) this.#giveUp(run, new Error(LEFT_THE_QUEUE))
      else stopByStarter(run)
    }
    talk.signal.addEventListener('abort', stop)
    try {
      if (talk.signal.aborted) stop()
      return await watch(run, talk)
    } finally {
      talk.signal.removeEventListener('abort', stop)
    }
  }

  #detach(run: FollowedRun): WarmAnswer {
    run.isDetached = true
    return { kind: 'taken', run: run.id, ahead: this.#runs.indexOf(run) }
  }

  /** Its turn has not come. */
  #giveUp(run: FollowedRun, error: Error): void {
    const at = this.#runs.indexOf(run)
    if (at < 0) return
    this.#runs.splice(at, 1)
    run.fail(error)
  }

  async #runAll(): Promise<void> {
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      await this.#runOne(run)
      this.#runs.shift()
    }
  }

  async #runOne(run: FollowedRun): Promise<void> {
    const { ask, talk } = run
    const { events, now } = this.#options
    run.startedAt = now()
    events.begun(ask)
    const progress = (progress: WarmProgress): void => {
      talk.progress(progress)
      const behind = waitingFor(run)
      for (const waiting of this.#runs.slice(1)) waiting.talk.progress(behind)
    }
    try {
      const answer = await this.#options.run(ask, { ...talk, progress }, run.id)
      if (answer.kind === 'ended') events.ended(answer.report)
      run.end(answer)
    } catch (error) {
      events.failed(ask, error)
      run.fail(error)
    }
  }
}

/** Who began it knows. */
function stopByStarter(run: FollowedRun): void {
  if (run.isFollowedByOthers) run.say(STOPPED_BY_STARTER)
  run.stop()
}

/** Who only follows may go without the run being stopped. */
async function watch(run: FollowedRun, talk: WarmTalk): Promise<WarmAnswer> {
  const answer = await run.follow(talk)
  if (answer !== undefined) return answer
  await talk.rows([{ kind: 'notice', text: STILL_RUNS }])
  throw new Error(STILL_RUNS)
}

/**
 * The same for the same lists and settings, whether or not they crossed the socket, which loses what is
 * undefined. Whether somebody waits for the end is another matter.
 */
function settingsOf(ask: WarmAsk): string {
  const lists = ask.sources.map(({ name, text }) => [name, text])
  const { mode, jobs, bytesPerSecond, reserve, untilAt } = ask
  return JSON.stringify([
    ...[lists, ask.platforms.toSorted()],
    ...[mode, jobs, bytesPerSecond, reserve, untilAt],
  ])
}

function waitingFor(run: FollowedRun): WarmProgress {
  return notBegun(`another list (${whatAndHowFar(run)})`)
}
