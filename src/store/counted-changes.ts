// How many changes the index has seen, for whoever keeps an answer that came of it.

import type { Index, WorkerIndex } from './index-port.ts'

/**
 * What no manifest is answered otherwise by: questions, and what is written all the time. Anything else,
 * and so anything new, counts as a change.
 */
const NO_CHANGES: ReadonlySet<string> = new Set([
  'findTag',
  'findContent',
  'findManifest',
  'findBlob',
  'findVisibility',
  'findTagList',
  'findReferrers',
  'isOpen',
  'seenIn',
  'knownTags',
  'knownReferrers',
  'heldRepositories',
  'wholePlatforms',
  'leastRecentlyChecked',
  'blobsAfter',
  'usage',
  'usedTags',
  'usedRepositories',
  'pinsVersion',
  'lastWarmRuns',
  'lastWarmRunsOf',
  'lastWarmRunOfEach',
  'publishBlob',
  'checkedBlob',
  'recordUses',
  'countPulls',
] satisfies readonly (keyof WorkerIndex)[])

type Method = (...values: unknown[]) => Promise<unknown>

/**
 * Counted before a change is begun, so that nothing given meanwhile is kept, and after it, when what was
 * read before is out of date, whether the change succeeded or not.
 */
export function countingChanges(index: WorkerIndex): Index {
  let changes = 0
  const counted =
    (method: Method): Method =>
    async (...values) => {
      changes += 1
      try {
        return await method(...values)
      } finally {
        changes += 1
      }
    }
  const methods = Object.entries(index as unknown as Record<string, Method>).map(
    ([name, method]) => [name, NO_CHANGES.has(name) ? method : counted(method)] as const,
  )
  return { ...(Object.fromEntries(methods) as unknown as WorkerIndex), changes: () => changes }
}
