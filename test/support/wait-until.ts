// Waiting for something that sends no event: another program's readiness, or a counter that moves
// with the network. Always with a deadline, and always saying what it waited for.
import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  readonly what: string
  readonly timeoutMs?: number
  readonly everyMs?: number
}

export async function waitUntil<T>(
  probe: () => T | Promise<T>,
  { what, timeoutMs = 20_000, everyMs = 10 }: WaitOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== false && value !== undefined && value !== null) return value
    if (performance.now() > deadline) throw new Error(`gave up after ${timeoutMs} ms: ${what}`)
    await delay(everyMs)
  }
}

// For a promise that is awaited only later: its failure until then is not an unhandled one.
export function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
