// The wall clock of this process, which a test can put forward: lifetimes of tags and pauses pass
// without waiting for them. Timers are not touched.

import { ON_BINARY } from './packaged-mirror.ts'

// For a test that does so: the packaged program has a clock of its own.
export const OWN_CLOCK = { skip: ON_BINARY && 'puts the clock of the mirror forward' }

const realNow = Date.now.bind(Date)
let skewMs = 0

// Before anything keeps a reference to Date.now, as a mirror does when it starts.
Date.now = () => realNow() + skewMs

export function putClockForward(ms: number): void {
  skewMs += ms
}
