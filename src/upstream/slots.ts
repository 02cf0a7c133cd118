// How many downloads of one registry run at once.

import pLimit from 'p-limit'
import { untilAborted } from './deadline.ts'
import type { Deadline } from './deadline.ts'

/** Of all slots, for further connections of one download: the others are for who has none yet. */
const FURTHER_SHARE = 0.5

/** Each gives a function that gives the slot back; calling it again does nothing. */
export interface Slots {
  /** Waits for one until the deadline. */
  take(deadline: Deadline): Promise<() => void>
  /** Undefined where there are not enough for everybody. */
  takeFurther(): (() => void) | undefined
}

export function createSlots(count: number): Slots {
  const limit = pLimit(count)
  const taken = (): Promise<() => void> => {
    const slot = Promise.withResolvers<() => void>()
    void limit(() => {
      const held = Promise.withResolvers<void>()
      slot.resolve(held.resolve)
      return held.promise
    })
    return slot.promise
  }
  return {
    take: (deadline) => slotWithin(taken(), deadline),
    takeFurther: () => {
      if (limit.activeCount + limit.pendingCount >= count * FURTHER_SHARE) return undefined
      const slot = taken()
      return () => void slot.then((release) => release())
    },
  }
}

/** A slot that comes too late is given back at once. */
async function slotWithin(slot: Promise<() => void>, deadline: Deadline): Promise<() => void> {
  try {
    return await untilAborted(slot, deadline.signal)
  } catch (error) {
    deadline.cancel()
    void slot.then((release) => release())
    throw error
  }
}
