// How many downloads of one registry run at once.

import pLimit from 'p-limit'
import { untilAborted } from './deadline.ts'
import type { Deadline } from './deadline.ts'

/** Resolves to a function that gives the slot back; calling it again does nothing. */
export function createSlots(count: number): (deadline: Deadline) => Promise<() => void> {
  const limit = pLimit(count)
  return (deadline) => {
    const taken = Promise.withResolvers<() => void>()
    void limit(() => {
      const held = Promise.withResolvers<void>()
      taken.resolve(held.resolve)
      return held.promise
    })
    return slotWithin(taken.promise, deadline)
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
