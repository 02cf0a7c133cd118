// What the schedule of a list does, one function per event, for the log.

import type { Logger } from '../lib/log.ts'
import { formatLocalTime } from '../lib/time-of-day.ts'
import type { SchedulerEvents } from './scheduler.ts'

/** `command`: how the list is warmed by hand. */
export function logScheduleEvents(path: string, command: string, log: Logger): SchedulerEvents {
  return {
    lacking(problems) {
      log.warn(`${path} cannot be used, and nothing is warmed until it is right:`)
      for (const problem of problems) log.warn(problem)
    },
    neverRan(next) {
      log.info(
        `${path} was never warmed: ${firstWords(next)}; to begin at once: ${command}`,
        whenOf(next),
      )
    },
    missed(next) {
      const when = next === undefined ? 'it begins now' : `it begins at ${formatLocalTime(next)}`
      log.info(`${path} was due and was not warmed, or not to its end: ${when}`, whenOf(next))
    },
    waits(next) {
      log.info(`${path} is due and waits for its window: ${nextWords(next)}`, whenOf(next))
    },
    passedOver(next) {
      log.warn(
        `${path} is due, and its run before still goes on: passed over, ${nextWords(next)}`,
        whenOf(next),
      )
    },
    putOff(because, next) {
      log.warn(`${path} was due and is not warmed: ${because}; ${nextWords(next)}`, whenOf(next))
    },
    next(next) {
      const when = next === undefined ? 'not be warmed again' : `be warmed ${nextWords(next)}`
      log.info(`${path} will ${when}`, whenOf(next))
    },
    notice(text) {
      log.info(`${path}: ${text}`)
    },
    changed(lines, next) {
      const count = lines === 1 ? '1 line' : `${lines} lines`
      log.info(`${path} was read again: ${count}, ${nextWords(next)}`, { lines, ...whenOf(next) })
    },
    broken(problems) {
      log.warn(`${path} cannot be used as it is now, and what it said before counts on:`)
      for (const problem of problems) log.warn(problem)
    },
    failed(error) {
      log.error(`${path} is not warmed by itself any more: ${(error as Error).message}`, { error })
    },
  }
}

function firstWords(next: number | undefined): string {
  return next === undefined ? 'its time never comes' : `that begins at ${formatLocalTime(next)}`
}

function nextWords(next: number | undefined): string {
  return next === undefined ? 'there is no next time' : `next at ${formatLocalTime(next)}`
}

function whenOf(next: number | undefined): { readonly next?: string } {
  return next === undefined ? {} : { next: new Date(next).toISOString() }
}
