// Jobs that have to wait until the store is in order.

import type { Job, Jobs } from './jobs.ts'
import type { Watch } from './recovery.ts'

/** Before each job `first` is done for whoever asked: one at a time, so that it finds what the last one did. */
export function jobsAfter<Some extends Partial<Jobs>>(
  first: (watch: Watch) => Promise<void>,
  jobs: Some,
): Some {
  let turn: Promise<void> = Promise.resolve()
  const after =
    (job: Job<unknown, unknown>): Job<unknown, unknown> =>
    async (ask, talk) => {
      const mine = turn.then(() => first(talk))
      turn = mine.catch(() => undefined)
      await mine
      return await job(ask, talk)
    }
  const entries = Object.entries(jobs) as [string, Job<unknown, unknown>][]
  return Object.fromEntries(entries.map(([name, job]) => [name, after(job)])) as unknown as Some
}
