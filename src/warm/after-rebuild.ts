// A run begins when an index that was lost is whole again: until then all would seem to be missing.

import type { JobProgress } from '../care/jobs.ts'
import type { Watch } from '../care/recovery.ts'
import type { WarmDeskOptions } from './desk.ts'
import { notBegun } from './waiting.ts'

type Run = WarmDeskOptions['run']

export function afterRebuild(rebuild: (watch: Watch) => Promise<void>, run: Run): Run {
  return async (ask, talk, id) => {
    const progress = ({ what, done, unit }: JobProgress): void => {
      const howFar = `${what}: ${done} ${unit}`
      talk.progress(notBegun(`the index, which is being made again (${howFar})`))
    }
    await rebuild({ signal: talk.signal, progress })
    return await run(ask, talk, id)
  }
}
