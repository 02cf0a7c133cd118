// What `warm` says of each image, and of a run when it has ended: what came of it, what failed and what to
// do about that. Pure.

import type {
  WarmAnswer,
  WarmCause,
  WarmPrice,
  WarmRegistry,
  WarmReport,
  WarmResult,
} from '../care/warm-job.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { printable } from './printable.ts'
import { shellWord } from './shell-word.ts'
import { COMMAND_LINE } from './warm-sources.ts'

/** What the command knows and the run does not. */
export interface EndFacts {
  /** `--report FILE` */
  readonly reportFile: string | undefined
  /** What a retry has to be given too, as it was typed: `--platform`, `linux/arm64`. */
  readonly retryOptions: readonly string[]
}

const REGISTRIES_SHOWN_MAX = 2
const FAILURES_SHOWN_MAX = 20
const COUNTED = { warmed: 'warmed', failed: 'failed', left: 'left for the next run' } as const
const VERBS = {
  run: { ...COUNTED, stale: 'stale', fresh: 'already fresh' },
  plan: { ...COUNTED, stale: 'to fetch', fresh: 'fresh' },
  check: { ...COUNTED, stale: 'stale', fresh: 'fresh' },
  explain: { ...COUNTED, stale: 'to fetch', fresh: 'fresh' },
} as const

export interface LastWords {
  readonly lines: readonly string[]
  /** What goes on, to be copied as it stands: never broken into lines. */
  readonly command: string | undefined
}

export function lastWords(answer: WarmAnswer, facts: EndFacts): LastWords {
  if (answer.kind === 'taken') {
    return { lines: takenLines(answer.ahead), command: 'look at it with: regmirror warm --last' }
  }
  const { report, failedList } = answer
  const { mode, outcome } = report
  const isRun = mode === 'run'
  const lines = [
    headline(report),
    ...summaryLines(report),
    ...(isRun && !isSaidForAll(report) ? failureLines(report, failedList) : []),
    ...(facts.reportFile === undefined ? [] : [`report: ${facts.reportFile}`]),
  ]
  const isRetried = isRun && outcome !== 'interrupted' && failedList !== undefined
  const command = isRetried ? retryText(outcome, failedList, facts) : undefined
  return { lines: lines.map(printable), command }
}

/** `warmed 21, already fresh 14, failed 2 of 37 images in 41m (6.4 GiB new, 11.2 GiB reused)` */
export function headline(report: WarmReport): string {
  const { mode, outcome, because, totals, startedAt, endedAt, results } = report
  // The next run leaves them too.
  const unkept = results.filter(
    ({ status, cause }) => status === 'left' && cause === 'budget',
  ).length
  const took = formatElapsed(Date.parse(endedAt) - Date.parse(startedAt))
  if (outcome === 'nothing') return `nothing could be done: ${because ?? 'every image failed'}`
  if (totals.references === 0) {
    return outcome === 'interrupted'
      ? 'interrupted before anything was done'
      : 'nothing to do: the list names no image'
  }
  const all = count(totals.references, 'image')
  if (totals.fresh === totals.references) {
    const [is, was] = totals.references === 1 ? ['is', 'it was'] : ['are', 'they were']
    return `${all} ${is} whole and fresh, nothing to fetch (${was} looked up in ${took})`
  }
  const verbs = VERBS[mode]
  const counted = { ...totals, left: totals.left - unkept }
  const parts = (['warmed', 'stale', 'fresh', 'failed', 'left'] as const)
    .filter((status) => counted[status] > 0)
    .map((status) => `${verbs[status]} ${counted[status]}`)
  if (unkept > 0) parts.push(`over the budget ${unkept}`)
  const counts = `${parts.join(', ')} of ${all}`
  if (mode !== 'run') return `${counts}, looked up in ${took}`
  const isFetched = totals.warmed > 0 || totals.bytesNew > 0
  return `${counts} in ${took}${isFetched ? ` (${bytesText(totals)})` : ''}`
}

/** `to fetch: 23 of 37 images; at most 33 pulls of docker.io, 20 sizes not known yet` */
export function priceSentence(price: WarmPrice): string {
  const { references, stale, registries, knownBytes, unknownSizes } = price
  const costs = registries
    .filter(({ plannedPulls }) => plannedPulls > 0)
    .map((registry) => `at most ${count(registry.plannedPulls, 'pull')} of ${registry.registry}`)
  const known = knownBytes > 0 ? [`${formatBytes(knownBytes)} known to be missing`] : []
  const unknown = unknownSizes > 0 ? [`${count(unknownSizes, 'size')} not known yet`] : []
  const details = [...costs, ...known, ...unknown]
  const what = `to fetch: ${stale} of ${count(references, 'image')}`
  return details.length === 0 ? what : `${what}; ${details.join(', ')}`
}

/** Of a registry that told how many pulls are left, where those are too few. */
export function shortageSentence(registry: WarmRegistry): string | undefined {
  const { plannedPulls, remainingBefore, reserve = 0, isReserveOfList = false } = registry
  if (remainingBefore === undefined) return undefined
  const spendable = Math.max(0, remainingBefore - reserve)
  if (plannedPulls <= spendable) return undefined
  const by = isReserveOfList ? '@registry reserve=' : '--reserve'
  const kept = reserve > 0 ? `, of which ${reserve} are kept for others (${by})` : ''
  return (
    `${registry.registry}: up to ${count(plannedPulls, 'pull')} needed and ${remainingBefore} left${kept}: ` +
    `one run can use ${spendable}, what is missing then is left for the next`
  )
}

/** What stands behind the verb in the line of one image. */
export function resultText(result: WarmResult): string {
  const { status, because, warnings } = result
  if (because !== undefined) return [reasonText(result), ...warnings].join('; ')
  const notes = [...(status === 'warmed' ? [bytesText(result)] : []), ...warnings]
  return [result.reference, ...(notes.length > 0 ? [notes.join('; ')] : [])].join('  ')
}

/** `3 images`; what is counted takes an s. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function takenLines(ahead: number): readonly string[] {
  if (ahead === 0) return ['the running server warms it, and goes on without this command']
  return [`the running server warms it after ${count(ahead, 'run')} ahead of it`]
}

function bytesText({
  bytesNew,
  bytesReused,
}: Pick<WarmReport['totals'], 'bytesNew' | 'bytesReused'>): string {
  const reused = bytesReused > 0 ? `, ${formatBytes(bytesReused)} reused` : ''
  return `${formatBytes(bytesNew)} new${reused}`
}

/** At most four, before the failures. */
function summaryLines(report: WarmReport): readonly string[] {
  const { registries, results, mode } = report
  const spent =
    mode === 'run'
      ? registries.filter(isLimited).map(spentText)
      : registries.flatMap((registry) => shortageSentence(registry) ?? [])
  const warned = results.filter(({ warnings }) => warnings.length > 0)
  return [...spent.slice(0, REGISTRIES_SHOWN_MAX), ...warningLines(warned), ...endedEarly(report)]
}

function isLimited({ quotaLimit, remainingBefore, rateLimited }: WarmRegistry): boolean {
  return quotaLimit !== undefined || remainingBefore !== undefined || rateLimited > 0
}

/** `docker.io: 33 pulls sent, 24 of 100 left, 20 kept in reserve` */
function spentText(registry: WarmRegistry): string {
  const { remainingAfter, remainingBefore, rateLimited, waitedMs, reserve } = registry
  const waited = waitedMs > 0 ? `, waited ${formatElapsed(waitedMs)}` : ''
  return [
    `${registry.registry}: ${count(registry.pulls, 'pull')} sent`,
    ...quotaText(remainingAfter ?? remainingBefore, registry),
    ...(reserve === undefined ? [] : [`${reserve} kept in reserve`]),
    ...(rateLimited > 0
      ? [`refused ${count(rateLimited, 'time')} for too many requests${waited}`]
      : []),
  ].join(', ')
}

function quotaText(remaining: number | undefined, { quotaLimit }: WarmRegistry): readonly string[] {
  if (remaining === undefined) return []
  return [`${remaining}${quotaLimit === undefined ? '' : ` of ${quotaLimit}`} left`]
}

function endedEarly({ outcome, because, mode }: WarmReport): readonly string[] {
  if (outcome === 'interrupted') {
    const kept = mode === 'run' ? 'what is stored is kept, ' : ''
    return [`${because ?? 'it was interrupted'}: ${kept}the same command goes on from there`]
  }
  return because === undefined || outcome === 'nothing' ? [] : [`not all was done: ${because}`]
}

function warningLines(warned: readonly WarmResult[]): readonly string[] {
  const [first] = warned
  if (first === undefined) return []
  const more =
    warned.length > 1 ? `; and ${count(warned.length - 1, 'more image')} with a warning` : ''
  return [`warning: ${first.reference}: ${first.warnings.join('; ')}${more}`]
}

/** What the first line says of a registry, or of the disk, is as much as could be said of each image. */
const OF_ALL_ALIKE: readonly (WarmCause | undefined)[] = ['unreachable', 'offline', 'disk']

function isSaidForAll({ outcome, because, results }: WarmReport): boolean {
  if (outcome !== 'nothing' || because === undefined) return false
  const [first, ...others] = results.filter(isNotGot)
  return OF_ALL_ALIKE.includes(first?.cause) && others.every(({ cause }) => cause === first?.cause)
}

function isNotGot({ status }: WarmResult): boolean {
  return status === 'failed' || status === 'left'
}

/** Those that failed before those that are left. */
function failureLines(report: WarmReport, failedList: string | undefined): readonly string[] {
  const { results, sources } = report
  const failed = results.filter(({ status }) => status === 'failed')
  const left = results.filter(({ status }) => status === 'left')
  const shown = [...failed, ...left].slice(0, FAILURES_SHOWN_MAX)
  const more = failed.length + left.length - shown.length
  const isNamed = isSourceNamed(sources, placesOf(results))
  const where = failedList === undefined ? '' : ` in ${failedList}`
  return [
    ...shown.map((result) => failureLine(result, isNamed)),
    ...(more > 0 ? [`and ${more} more${where}`] : []),
  ]
}

/** Of one list that includes nothing the number of a line is enough. */
export function isSourceNamed(sources: readonly string[], places: WarmResult['places']): boolean {
  return new Set([...sources, ...places.map(({ source }) => source)]).size > 1
}

export function placesOf(results: readonly WarmResult[]): WarmResult['places'] {
  return results.flatMap(({ places }) => places)
}

/** `failed  line 18  ghcr.io/acme/app:v3: it needs a login; regmirror login ghcr.io` */
export function failureLine(result: WarmResult, isNamed: boolean): string {
  const { status, places } = result
  const place = placeText(places[0], isNamed)
  const why = reasonText(result)
  return printable([status.padEnd(6), ...(place === '' ? [] : [place]), why].join('  '))
}

/** `line 18`, `night.txt:3`; of what was typed: nothing. */
export function placeText(
  place: WarmResult['places'][number] | undefined,
  isNamed: boolean,
): string {
  if (place === undefined || place.source === COMMAND_LINE) return ''
  return isNamed ? `${place.source}:${place.line}` : `line ${place.line}`
}

/** Many sentences begin with the name of the image. */
function reasonText({ reference, because, remedy }: WarmResult): string {
  if (because === undefined) return reference
  const named = because.startsWith(reference) ? because : `${reference}: ${because}`
  return remedy === undefined ? named : `${named}; ${remedy}`
}

function retryText(
  outcome: WarmReport['outcome'],
  failedList: string,
  { retryOptions }: EndFacts,
): string {
  const words = ['regmirror', 'warm', ...retryOptions, failedList].map(shellWord)
  return `${outcome === 'left' ? 'go on' : 'try again'} with: ${words.join(' ')}`
}
