// Whether the machine has restarted since: what was written but not synced survives everything else.

import { readFile } from 'node:fs/promises'
import { uptime } from 'node:os'

let known: Promise<string> | undefined

/** The same string until the machine restarts. Elsewhere than on Linux, the hour it started in. */
export function bootId(): Promise<string> {
  known ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => String(Math.round((Date.now() / 1000 - uptime()) / 3600)),
  )
  return known
}
