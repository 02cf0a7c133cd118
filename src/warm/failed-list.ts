// What failed or was left, as a list that can be warmed again and means the same alone: the lines, each
// behind the reason, below what their lists say for all lines. Of several lists it is one: what each of
// them excludes or blocks is so for all of it.

import type { WarmResult, WarmSource } from '../care/warm-job.ts'
import type { ListEntry, ParsedList } from '../list/list-entry.ts'
import { parseList } from '../list/parse-list.ts'
import { blockText, directiveText, entryText } from '../list/print-line.ts'
import { tagListNeed } from '../list/select-tags.ts'
import type { Directive } from '../list/statement.ts'
import { isFailedList, isRetried } from './kept-list.ts'

/** Of the images that one line means. */
const REASONS_MAX = 3
const REASON_LENGTH_MAX = 300
/** `# mirror.txt:12: it needs a login` */
const PLACE = /^# (.+?:\d+): /

type Failed = Pick<WarmResult, 'reference' | 'places' | 'status' | 'because'> &
  Partial<Pick<WarmResult, 'cause'>>

/** Undefined where nothing failed or was left that another run could get. */
export function failedList(
  sources: readonly WarmSource[],
  results: readonly Failed[],
): string | undefined {
  const byPlace = new Map<string, Failed[]>()
  for (const result of results) {
    if (!isRetried(result)) continue
    for (const { source, line } of result.places) {
      const place = `${source}:${line}`
      byPlace.set(place, [...(byPlace.get(place) ?? []), result])
    }
  }
  // As after most runs: a list of 5 000 lines is read for 0.15 s.
  if (byPlace.size === 0) return undefined
  const origins = originsOf(sources)
  const head = new Set<string>()
  const lines = sources.flatMap((source) => {
    const list = parseList(source)
    const failing = list.entries.flatMap((entry) => {
      const name = `${entry.place.source}:${entry.place.line}`
      const failed = byPlace.get(name)
      byPlace.delete(name)
      return failed ? [{ entry, reasons: reasons(origins.get(name) ?? name, failed) }] : []
    })
    for (const line of rulesFor(
      list,
      failing.map(({ entry }) => entry),
    ))
      head.add(line)
    return failing.flatMap(({ entry, reasons }) => [...reasons, lineOf(entry)])
  })
  return lines.length === 0 ? undefined : `${[...head, ...lines].join('\n')}\n`
}

/** As it was written, unless `@defaults` above it say more: there are none above it here. */
function lineOf(entry: ListEntry): string {
  const { options, ownOptions, text } = entry
  const isSaid = Object.keys(options).every((key) => key in ownOptions)
  return isSaid ? text.trim() : entryText(entry, options)
}

/** What the list says for all of its lines, as far as it matters to these. */
function rulesFor(list: ParsedList, failing: readonly ListEntry[]): readonly string[] {
  if (failing.length === 0) return []
  const { blocks, excludes, registries, bytesPerSecond } = list
  const hasPatterns = failing.some((entry) => tagListNeed(entry) !== 'never')
  const directives: Directive[] = [
    ...registries.map((rule) => ({ kind: 'registry', rule }) as const),
    ...(bytesPerSecond === undefined ? [] : [{ kind: 'bandwidth', bytesPerSecond } as const]),
    ...(hasPatterns && excludes.length > 0 ? [{ kind: 'exclude', rules: excludes } as const] : []),
  ]
  return [...directives.map(directiveText), ...blocks.map(blockText)]
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
