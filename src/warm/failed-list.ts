// What failed or was left, as a list that can be warmed again: the lines as they were written, each
// behind the reason.

import type { WarmResult, WarmSource } from '../care/warm-job.ts'
import { parseList } from '../list/parse-list.ts'
import { isFailedList } from './kept-list.ts'

/** Of the images that one line means. */
const REASONS_MAX = 3
const REASON_LENGTH_MAX = 300
/** `# mirror.txt:12: it needs a login` */
const PLACE = /^# (.+?:\d+): /

type Failed = Pick<WarmResult, 'reference' | 'places' | 'status' | 'because'>

/** Undefined where nothing failed or was left. */
export function failedList(
  sources: readonly WarmSource[],
  results: readonly Failed[],
): string | undefined {
  const byPlace = new Map<string, Failed[]>()
  for (const result of results) {
    if (result.status !== 'failed' && result.status !== 'left') continue
    for (const { source, line } of result.places) {
      const place = `${source}:${line}`
      byPlace.set(place, [...(byPlace.get(place) ?? []), result])
    }
  }
  const entries = sources.flatMap((source) => parseList(source).entries)
  const origins = originsOf(sources)
  const lines = entries.flatMap(({ place, text }) => {
    const name = `${place.source}:${place.line}`
    const failed = byPlace.get(name)
    byPlace.delete(name)
    return failed ? [...reasons(origins.get(name) ?? name, failed), text.trimEnd()] : []
  })
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`
}

/** Of the lines of such a list itself, where they stood first: the comments before them say so. */
function originsOf(sources: readonly WarmSource[]): ReadonlyMap<string, string> {
  const origins = new Map<string, string>()
  for (const { name, text } of sources.filter((source) => isFailedList(source.name))) {
    let origin: string | undefined
    for (const [n, line] of text.split('\n').entries()) {
      const isComment = line.startsWith('#')
      if (isComment) origin ??= PLACE.exec(line)?.[1]
      else if (origin !== undefined) origins.set(`${name}:${n + 1}`, origin)
      if (!isComment) origin = undefined
    }
  }
  return origins
}

function reasons(place: string, failed: readonly Failed[]): string[] {
  const shown = failed.slice(0, REASONS_MAX).map(({ reference, because, status }) => {
    const which = failed.length > 1 ? `${reference}: ` : ''
    return `# ${oneLine(`${place}: ${which}${because ?? status}`)}`
  })
  const more = failed.length - shown.length
  return more === 0 ? shown : [...shown, `# ${oneLine(place)}: and ${more} more`]
}

/** A comment ends with its line, whatever upstream said. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').slice(0, REASON_LENGTH_MAX)
}
