// What a run came to, for people and for programs. Pure.

import { createHash } from 'node:crypto'
import type { WarmAsk, WarmRegistry, WarmReport, WarmResult } from '../care/warm-job.ts'
import type { ListText } from '../list/list-entry.ts'
import { version } from '../version.ts'
import type { Outcome } from './outcome.ts'

/** Another number where a program that reads the one before would be misled. */
const SCHEMA: WarmReport['schema'] = 'regmirror.warm/1'

export interface Reported extends Outcome {
  readonly run: string
  readonly ask: WarmAsk
  readonly startedAtMs: number
  readonly endedAtMs: number
  readonly results: readonly WarmResult[]
  readonly registries: readonly WarmRegistry[]
}

export function reportOf(reported: Reported): WarmReport {
  const { run, ask, results, registries, outcome, because } = reported
  const count = (status: WarmResult['status']): number =>
    results.filter((result) => result.status === status).length
  return {
    schema: SCHEMA,
    version,
    run,
    mode: ask.mode,
    startedAt: new Date(reported.startedAtMs).toISOString(),
    endedAt: new Date(reported.endedAtMs).toISOString(),
    sources: ask.sources.map(({ name }) => name),
    paths: ask.sources.flatMap(({ path }) => path ?? []),
    isScheduled: ask.isScheduled === true,
    listDigest: digestOfLists(ask),
    platforms: ask.platforms,
    outcome,
    because,
    totals: {
      references: results.length,
      fresh: count('fresh'),
      warmed: count('warmed'),
      stale: count('stale'),
      failed: count('failed'),
      left: count('left'),
      bytesNew: sum(results, ({ bytesNew }) => bytesNew),
      bytesReused: sum(results, ({ bytesReused }) => bytesReused),
      waitedMs: sum(registries, ({ waitedMs }) => waitedMs),
    },
    registries,
    results,
  }
}

function digestOfLists({ sources }: WarmAsk): string {
  const hash = createHash('sha256')
  const add = ({ text, includes = [] }: ListText): void => {
    hash.update(`${Buffer.byteLength(text)}\n`).update(text)
    for (const { line, list } of includes) {
      hash.update(`@include ${line}\n`)
      add(list)
    }
  }
  sources.forEach(add)
  return `sha256:${hash.digest('hex')}`
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0)
}
