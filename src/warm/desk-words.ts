// What those are told who want a list warmed while another run is under way. Pure.

import type { WarmAsk, WarmProgress, WarmSource } from '../care/warm-job.ts'
import { isTyped } from './same-ask.ts'

/** Of a run, what others are told of it. */
export interface ToldRun {
  readonly ask: Pick<WarmAsk, 'sources'>
  /** Undefined: its turn has not come. */
  readonly startedAt: number | undefined
  readonly progress: Pick<WarmProgress, 'done' | 'total' | 'phase'> | undefined
}

export const NOTHING_GOES_ON =
  'no server runs on this store, so that nothing would go on behind this command: start regmirror ' +
  'serve first, or leave out --detach'

export const STOPPED_BY_OWNER = 'the regmirror that runs this is being stopped'
export const LEFT_THE_QUEUE =
  'the command that asked for this list has gone before its turn came: nothing was done'
export const NEVER_ITS_TURN =
  'the regmirror that was to run this has stopped before its turn came: nothing was done, run it again'

/** `others`: who still wait for it. */
export function stillRuns({ startedAt }: ToldRun, others: number): string {
  const verb = startedAt === undefined ? 'keeps its turn' : 'goes on'
  const whom = others === 0 ? '' : ` for ${counted(others, 'other command')}`
  return `no longer following it: the run ${verb}${whom}, and regmirror warm --last tells what came of it`
}

export function following(run: ToldRun): string {
  if (run.startedAt === undefined) return 'this list waits for its turn already: following it'
  return `this list is being warmed already (${howFar(run, run.startedAt)}): following it`
}

/** `between`: how many others come after it and before this one. */
export function waitingBehind(run: ToldRun, between: number): string {
  const more = between === 0 ? '' : `, and for ${counted(between, 'other')} before this one`
  const others = run.ask.sources.every(isTyped)
    ? `other images are being warmed (${whatAndHowFar(run)}): waiting for them`
    : `another list is being warmed (${whatAndHowFar(run)}): waiting for it`
  return `${others}${more}`
}

/** As the end of a sentence: what is waited for. */
export function othersAndHowFar(run: ToldRun): string {
  const what = run.ask.sources.every(isTyped) ? 'other images' : 'another list'
  return `${what} (${whatAndHowFar(run)})`
}

function whatAndHowFar(run: ToldRun): string {
  const { startedAt } = run
  const name = sourcesText(run.ask)
  return startedAt === undefined ? name : `${name}, ${howFar(run, startedAt)}`
}

/** `mirror.txt and 1 other`; of what was typed the first image. */
export function sourcesText({ sources }: Pick<WarmAsk, 'sources'>): string {
  const names = sources.flatMap((source) => (isTyped(source) ? typedIn(source) : source.name))
  const [first, ...others] = names
  if (first === undefined) return 'an empty list'
  return others.length === 0 ? first : `${first} and ${counted(others.length, 'other')}`
}

function typedIn({ text }: WarmSource): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}

export function queueFull(waiting: number): string {
  return `${counted(waiting, 'run')} already wait for their turn: try again when one is done`
}

export function tooManyLooks(looks: number): string {
  return `${counted(looks, 'plan or check', 'plans and checks')} are being made now: try again in a while`
}

function howFar({ progress }: ToldRun, startedAt: number): string {
  const since = `since ${clockText(new Date(startedAt))}`
  if (progress === undefined || progress.total === 0) return since
  return `${since}, ${progress.done} of ${counted(progress.total, 'image')}`
}

function clockText(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}`
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
