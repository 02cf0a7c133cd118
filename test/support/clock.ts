// The wall clock of this process, which a test can put forward: lifetimes of tags and pauses pass
// without waiting for them. Timers are not touched.

const realNow = Date.now.bind(Date)
let skewMs = 0

// Before anything keeps a reference to Date.now, as a mirror does when it starts.
Date.now = () => realNow() + skewMs

export function putClockForward(ms: number): void {
  skewMs += ms
}
