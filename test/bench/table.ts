// The results for a person: one block for each case, one row for each server, ratios below.
import { METRICS } from './metrics.ts'
import type { Metric } from './metrics.ts'
import { metricsOf, ratioOf, serversOf, spreadOf, SUBJECT } from './results.ts'
import type { CaseResult, Spread } from './results.ts'

export const LEGEND = [
  'median [least - most] over the rounds; (+) more is better, (-) less is better',
  'a ratio is the median of the ratios inside each round, where both had the same machine:',
  'read the ratios, not the figures; 1 GB = 1e9 bytes; CPU and memory are of the server alone',
]

export function renderCase(one: CaseResult): string {
  const metrics = metricsOf(one)
  const servers = serversOf(one)
  const header = [one.title, ...metrics.map((name) => titleOf(METRICS[name]))]
  const figures = servers.map((server) => [
    `  ${server}`,
    ...metrics.map((metric) => figure(spreadOf(one, server, metric), METRICS[metric].digits)),
  ])
  const ratios = servers
    .filter((server) => server !== SUBJECT && one.servers.has(SUBJECT))
    .map((server) => [
      `  ${SUBJECT} / ${server}`,
      ...metrics.map((metric) => ratio(ratioOf(one, server, metric))),
    ])
  return columns([header, ...figures, ...ratios])
}

export function titleOf({ title, better }: Metric): string {
  return `${title} (${better === 'more' ? '+' : '-'})`
}

export function ratio(spread: Spread | undefined): string {
  return spread === undefined ? '' : `× ${figure(spread, 2)}`
}

export function figure(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return ''
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) =>
    value.toFixed(digits),
  )
  return min === max ? `${median}` : `${median} [${min} - ${max}]`
}

// The first column to the left, figures to the right.
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell[at === 0 ? 'padEnd' : 'padStart'](widths[at] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}
