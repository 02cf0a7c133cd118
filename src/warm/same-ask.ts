// Which asks come to the same run, and which wait for no list. Pure.

import type { WarmAsk, WarmSource } from '../care/warm-job.ts'
import type { EntryOptions, ListEntry } from '../list/list-entry.ts'
import { parseList } from '../list/parse-list.ts'

/** More than somebody waits for at a terminal is a list. */
export const ON_DEMAND_IMAGES_MAX = 16
/** Of references that were typed (list-entry.ts). */
export const COMMAND_LINE = 'command line'

/**
 * Whether a run does what an ask wants. A run of the schedule ends with its window, which who asks for the
 * same list by hand takes too, and the schedule takes what somebody has begun.
 */
export function isServedBy(run: WarmAsk, ask: WarmAsk): boolean {
  if (settingsOf(run) !== settingsOf(ask)) return false
  if ((run.untilAt ?? undefined) === (ask.untilAt ?? undefined)) return true
  return (run.isScheduled === true && ask.untilAt == null) || ask.isScheduled === true
}

/**
 * The same for the same lists and settings, whether or not they crossed the socket, which loses what is
 * undefined. Whether somebody waits for the end is another matter.
 */
function settingsOf(ask: WarmAsk): string {
  const { mode, jobs, bytesPerSecond, reserve } = ask
  const lists = ask.sources.map(contentOf)
  return JSON.stringify([lists, ask.platforms.toSorted(), mode, jobs, bytesPerSecond, reserve])
}

function contentOf({ name, path, text, includes = [] }: WarmSource): unknown {
  return [path ?? name, text, includes.map(({ line, list }) => [line, contentOf(list)])]
}

/** A few images that were typed: somebody waits for them. */
export function isOnDemand({ sources }: Pick<WarmAsk, 'sources'>): boolean {
  const [typed, ...others] = sources
  if (typed === undefined || others.length > 0 || !isTyped(typed)) return false
  const { entries } = parseList(typed)
  const images = entries.reduce((sum, entry) => sum + imagesOf(entry), 0)
  return images <= ON_DEMAND_IMAGES_MAX
}

export function isTyped({ name, path }: Pick<WarmSource, 'name' | 'path'>): boolean {
  return path === undefined && name === COMMAND_LINE
}

/** Infinity: nobody knows before the tags of the repository are listed, or what clients used is looked up. */
function imagesOf({ name, selectors, options }: ListEntry): number {
  if (name.includes('*') || selectors.some(isPattern)) return Infinity
  if (selectors.length > 0) return selectors.length
  return SELECTING.some((option) => options[option] !== undefined) ? Infinity : 1
}

/** Those that make a line without tags select among all tags. */
const SELECTING: readonly (keyof EntryOptions)[] = ['newest', 'semver', 'variant', 'bare']

function isPattern({ kind }: ListEntry['selectors'][number]): boolean {
  return kind === 'glob' || kind === 'regex'
}
