// Which tags a line means where it says what may be had or not.

import type { AccessRule } from './access-rules.ts'
import type { Block, ListEntry } from './list-entry.ts'
import { compilePatterns, notStage, patternStage, versionStages } from './tag-stages.ts'

/** All that the line could ever select: how many of them, and which are the newest, is for warming. */
export function tagsOfEntry({ selectors, options }: ListEntry): AccessRule {
  const written = new Set(selectors.flatMap((each) => (each.kind === 'tag' ? [each.tag] : [])))
  const stages = [
    ...(selectors.length === 0 ? [] : [patternStage(selectors)]),
    ...versionStages(options),
    ...(options.not === undefined ? [] : [notStage(options)]),
  ]
  if (stages.length === 0) return 'every tag'
  return (tag) => written.has(tag) || stages.every((stage) => stage.passes(tag))
}

export function tagsOfBlock({ tags }: Block): AccessRule {
  return tags === undefined ? 'every tag' : compilePatterns([{ kind: 'glob', pattern: tags }])
}
