// Who warms when: one list at a time, the same list is followed by all who ask for it, others wait for
// their turn. A few images that somebody typed wait for no list, and what is only looked at for nobody. A
// command that leaves hands back what others wait for.

import { addAbortListener } from 'node:events'
import type { Jobs } from '../care/jobs.ts'
import type { WarmAnswer, WarmAsk, WarmReport, WarmRow } from '../care/warm-job.ts'
import { JobHandedBack, JobPutOff, JobRefused } from '../errors.ts'
import { within } from '../lib/within.ts'
import {
  following,
  LEFT_THE_QUEUE,
  NEVER_ITS_TURN,
  NOTHING_GOES_ON,
  stillRuns,
  STOPPED_BY_OWNER,
  tooManyLooks,
} from './desk-words.ts'
import { FollowedRun } from './followed-run.ts'
import type { WarmTalk } from './followed-run.ts'
import { Lane } from './lane.ts'
import { isOnDemand, isServedBy } from './same-ask.ts'

/** Lists that wait for their turn. */
export const WARM_QUEUE_MAX = 8
/** Commands with a few images that wait for their turn. */
export const ON_DEMAND_QUEUE_MAX = 32
/** Plans and checks at once. */
export const LOOKS_MAX = 4
/** For a run to park its downloads and to write its report once the owner has to go. */
const STOP_MAX_MS = 5000

export interface WarmDeskEvents {
  begun(ask: WarmAsk): void
  ended(ask: WarmAsk, report: WarmReport): void
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
  readonly #lists: Lane
  readonly #onDemand: Lane
  readonly #looks = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  /** Aborted with JobHandedBack: what the command that owns the store asked, and what others did. */
  readonly #ownBack = new AbortController()
  readonly #othersBack = new AbortController()

  constructor(options: WarmDeskOptions) {
    this.#options = options
    this.#lists = new Lane(WARM_QUEUE_MAX, (run) => this.#runOne(run, this.#lists))
    this.#onDemand = new Lane(ON_DEMAND_QUEUE_MAX, (run) => this.#runOne(run, this.#onDemand))
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
    const lanes = [this.#lists, this.#onDemand]
    for (const lane of lanes) stopLane(lane)
    const ended = lanes.map((lane) => lane.ended)
    await within(STOP_MAX_MS, Promise.allSettled([...ended, ...this.#looks]))
  }

  async #answer(ask: WarmAsk, talk: WarmTalk, isOwners: boolean): Promise<WarmAnswer> {
    const back = (isOwners ? this.#ownBack : this.#othersBack).signal
    back.throwIfAborted()
    if (this.#closing.signal.aborted) throw new JobPutOff(NEVER_ITS_TURN)
    if (ask.mode !== 'run') {
      return await orHandedBack(talk, back, neverOver, (talk) => this.#look(ask, talk))
    }
    if (ask.isDetached && !this.#options.isServer) throw new JobRefused(NOTHING_GOES_ON)
    const lane = this.#laneOf(ask)
    const same = lane.runs.find((run) => !run.isStopping && isServedBy(run.ask, ask))
    const run = same ?? this.#enqueue(ask, lane)
    if (isOwners) run.isOwners = true
    if (ask.isDetached) {
      run.isDetached = true
      return { kind: 'taken', run: run.id, ahead: lane.runs.indexOf(run) }
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

  /** A command that owns the store runs one thing after another: others may well wait for the server. */
  #laneOf(ask: WarmAsk): Lane {
    return this.#options.isServer && isOnDemand(ask) ? this.#onDemand : this.#lists
  }

  #enqueue(ask: WarmAsk, lane: Lane): FollowedRun {
    lane.requirePlace()
    const deserted = (run: FollowedRun): void => {
      if (run.startedAt === undefined) lane.giveUp(run, new Error(LEFT_THE_QUEUE))
      else run.stop()
    }
    const run = new FollowedRun(this.#options.newId(), ask, deserted)
    lane.add(run)
    return run
  }

  async #runOne(run: FollowedRun, lane: Lane): Promise<void> {
    const { ask, talk } = run
    const { events, now } = this.#options
    run.startedAt = now()
    events.begun(ask)
    const progress: WarmTalk['progress'] = (progress) => {
      talk.progress(progress)
      lane.tellHowFar()
    }
    try {
      const answer = await this.#options.run(ask, { ...talk, progress }, run.id)
      if (answer.kind === 'ended') events.ended(ask, answer.report)
      run.end(answer)
    } catch (error) {
      events.failed(ask, error)
      run.fail(error)
    }
    if (run.isOwners) this.handBack(false)
  }
}

/** What runs ends in good order, what waits is told that its turn will not come. */
function stopLane(lane: Lane): void {
  const [running, ...waiting] = lane.runs
  for (const run of waiting) lane.giveUp(run, new JobPutOff(NEVER_ITS_TURN))
  if (running?.isStopping !== false) return
  running.say(STOPPED_BY_OWNER)
  running.stop()
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
