// Long work in turns with everything else this process does.

import { setImmediate } from 'node:timers/promises'
import type { Steps } from '../list/steps.ts'

/** Requests wait for no more than this, and a step. */
const TURN_MS = 5

export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let until = performance.now() + TURN_MS; ;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() < until) continue
    await setImmediate()
    until = performance.now() + TURN_MS
  }
}
