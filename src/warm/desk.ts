// Who warms when: one run at a time, the same list is followed by all who ask for it, others wait for
// their turn. What is only looked at waits for nobody. A command that leaves hands back what others wait for.

import { addAbortListener } from 'node:events'
import type { Jobs } from '../care/jobs.ts'
import type { WarmAnswer, WarmAsk, WarmProgress, WarmReport, WarmRow } from '../care/warm-job.ts'
import { JobHandedBack, JobPutOff, JobRefused } from '../errors.ts'
import { within } from '../lib/within.ts'
import {
  following,
  LEFT_THE_QUEUE,
  NEVER_ITS_TURN,
  NOTHING_GOES_ON,
  queueFull,
  stillRuns,
  STOPPED_BY_OWNER,
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
  /** Aborted with JobHandedBack: what the command that owns the store asked, and what others did. */
  readonly #ownBack = new AbortController()
  readonly #othersBack = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: WarmDeskOptions) {
    this.#options = options
  }

  readonly warm: Jobs['warm'] = (ask, talk) => this.#answer(ask, talk, false)

  /** For the command that owns the store: when it has its answer, or goes, the others are handed back. */
  readonly warmForOwner: Jobs['warm'] = async (ask, talk) => {
    using _gone = addAbortListener(talk.signal, () => this.handBack(false))
    return await this.#answer(ask, talk, true)
  }

  /** What others wait for; where a server waits for the store, what its owner waits for too. */
  handBack(isForServer: boolean): void {
    const reason = new JobHandedBack(isForServer)
    this.#othersBack.abort(reason)
    if (isForServer) this.#ownBack.abort(reason)
  }

  /** What runs ends in good order, what waits is told that its turn will not come. */
  async stop(): Promise<void> {
    if (!this.#options.isServer) this.handBack(false)
    this.#closing.abort()
    const [running, ...waiting] = this.#runs
    for (const run of waiting) this.#giveUp(run, new JobPutOff(NEVER_ITS_TURN))
    if (running?.isStopping === false) {
      running.say(STOPPED_BY_OWNER)
      running.stop()
    }
    await within(STOP_MAX_MS, Promise.allSettled([this.#running, ...this.#looks]))
  }

  async #answer(ask: WarmAsk, talk: WarmTalk, isOwners: boolean): Promise<WarmAnswer> {
    const back = (isOwners ? this.#ownBack : this.#othersBack).signal
    back.throwIfAborted()
    if (this.#closing.signal.aborted) throw new JobPutOff(NEVER_ITS_TURN)
    if (ask.mode !== 'run') {
      return await orHandedBack(talk, back, neverOver, (talk) => this.#look(ask, talk))
    }
    if (ask.isDetached && !this.#options.isServer) throw new JobRefused(NOTHING_GOES_ON)
    const settings = settingsOf(ask)
    const same = this.#runs.find((run) => !run.isStopping && run.settings === settings)
    const run = same ?? this.#enqueue(ask, settings)
    if (isOwners) run.isOwners = true
    if (ask.isDetached) {
      run.isDetached = true
      return { kind: 'taken', run: run.id, ahead: this.#runs.indexOf(run) }
    }
    const opening = same === undefined ? [] : [notice(following(run))]
    return await orHandedBack(talk, back, run, (talk) => watch(run, talk, opening))
  }

  /** It asks only for what costs no pulls, and stores nothing. */
  async #look(ask: WarmAsk, { signal, ...talk }: WarmTalk): Promise<WarmAnswer> {
    if (this.#looks.size >= LOOKS_MAX) throw new JobPutOff(tooManyLooks(this.#looks.size))
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

  #enqueue(ask: WarmAsk, settings: string): FollowedRun {
    const ahead = this.#runs.length
    if (ahead > WARM_QUEUE_MAX) throw new JobPutOff(queueFull(ahead - 1))
    const deserted = (run: FollowedRun): void => {
      if (run.startedAt === undefined) this.#giveUp(run, new Error(LEFT_THE_QUEUE))
      else run.stop()
    }
    const run = new FollowedRun(this.#options.newId(), ask, settings, deserted)
    const [first] = this.#runs
    this.#runs.push(run)
    if (first === undefined) this.#running = this.#runAll()
    else {
      run.say(waitingBehind(first, ahead - 1))
      run.talk.progress(waitingFor(first))
    }
    return run
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
      if (run.isOwners) this.handBack(false)
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

const neverOver = { isOver: false }

/**
 * Once it is handed back, whoever asked hears nothing more of it. What is over is answered, and so is who
 * was going already.
 */
async function orHandedBack(
  talk: WarmTalk,
  back: AbortSignal,
  asked: Pick<FollowedRun, 'isOver'>,
  answer: (talk: WarmTalk) => Promise<WarmAnswer>,
): Promise<WarmAnswer> {
  let isBack = false
  const handedBack = Promise.withResolvers<never>()
  using _back = addAbortListener(back, () => {
    if (talk.signal.aborted || asked.isOver) return
    isBack = true
    handedBack.reject(back.reason as JobHandedBack)
  })
  const answered = answer({
    signal: AbortSignal.any([talk.signal, back]),
    progress: (progress) => {
      if (!isBack) talk.progress(progress)
    },
    rows: async (rows) => {
      if (!isBack) await talk.rows(rows)
    },
  })
  return await Promise.race([answered, handedBack.promise])
}

/** The run is stopped, or leaves the queue, only when nobody is left who waits for it. */
async function watch(
  run: FollowedRun,
  talk: WarmTalk,
  opening: readonly WarmRow[],
): Promise<WarmAnswer> {
  const answer = await run.follow(talk, opening)
  if (answer !== undefined) return answer
  const text = stillRuns(run, run.watchers)
  await talk.rows([notice(text)])
  throw new Error(text)
}

function notice(text: string): WarmRow {
  return { kind: 'notice', text }
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
