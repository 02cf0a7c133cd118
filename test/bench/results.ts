// The samples of a run, by case, server and round, and the arithmetic over them. A ratio is taken
// inside each round, where both servers had the same machine, and its median is what is told.
import type { Sample, MetricName } from './metrics.ts'

// What is measured; every other server of a case is what it is held against. A case that measures the
// mirror against itself calls so what is in question: the large index, the several connections.
export const SUBJECT = 'regmirror'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface CaseResult {
  readonly part: string
  readonly title: string
  readonly servers: Map<string, (Sample | undefined)[]> // by round
}

export class Results {
  readonly cases: CaseResult[] = []
  readonly problems: string[] = []

  add(part: string, title: string, server: string, round: number, sample: Sample): void {
    let found = this.cases.find((one) => one.part === part && one.title === title)
    if (found === undefined) this.cases.push((found = { part, title, servers: new Map() }))
    const samples = found.servers.get(server) ?? []
    samples[round] = sample
    found.servers.set(server, samples)
  }
}

// The subject first, then by name, whoever happened to begin.
export function serversOf({ servers }: CaseResult): string[] {
  const others = [...servers.keys()].filter((server) => server !== SUBJECT).sort()
  return servers.has(SUBJECT) ? [SUBJECT, ...others] : others
}

export function metricsOf({ servers }: CaseResult): MetricName[] {
  const samples = [...servers.values()].flat()
  return [...new Set(samples.flatMap((sample) => Object.keys(sample ?? {}) as MetricName[]))]
}

export function spreadOf(one: CaseResult, server: string, metric: MetricName): Spread | undefined {
  return spread((one.servers.get(server) ?? []).map((sample) => sample?.[metric]))
}

// Undefined where the two have no round in common.
export function ratioOf(one: CaseResult, to: string, metric: MetricName): Spread | undefined {
  const divisors = one.servers.get(to) ?? []
  return spread(
    (one.servers.get(SUBJECT) ?? []).map((sample, round) => {
      const [value, divisor] = [sample?.[metric], divisors[round]?.[metric]]
      // Nothing has a ratio to nothing: requests that were saved altogether.
      return value === undefined || !divisor ? undefined : value / divisor
    }),
  )
}

export function medianOf(values: readonly number[]): number {
  return spread(values)?.median ?? NaN
}

function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) return undefined
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1] ?? NaN
  const high = sorted[Math.floor(middle)] ?? NaN
  return { median: (low + high) / 2, min, max }
}
