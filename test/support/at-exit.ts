// What must happen even if a test fails, hangs or is interrupted: children are killed, then folders
// removed, when the test process exits for whatever reason it can still act on.
import { constants } from 'node:os'

type Action = () => void

const kills = new Set<Action>()
const removals = new Set<Action>()

process.once('exit', () => {
  for (const action of [...kills, ...removals]) {
    try {
      action()
    } catch {
      // the others still have their turn
    }
  }
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}

// Both return how to take it back.
export function killAtExit(action: Action): Action {
  kills.add(action)
  return () => kills.delete(action)
}

export function removeAtExit(action: Action): Action {
  removals.add(action)
  return () => removals.delete(action)
}
