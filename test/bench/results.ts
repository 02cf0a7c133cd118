// The samples of a run, by case, server and round, and the arithmetic over them. A ratio is taken
// inside each round, where both servers had the same machine, and its median is what is told.
import type { Sample, MetricName } from './metrics.ts'
import type { ServerName } from './servers.ts'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface CaseResult {
  readonly part: string
  readonly title: string
  readonly servers: Map<ServerName, (Sample | undefined)[]> // by round
}

export class Results {
  readonly cases: CaseResult[] = []
  readonly problems: string[] = []

  add(part: string, title: string, server: ServerName, round: number, sample: Sample): void {
    let found = this.cases.find((one) => one.part === part && one.title === title)
    if (found === undefined) this.cases.push((found = { part, title, servers: new Map() }))
    const samples = found.servers.get(server) ?? []
    samples[round] = sample
    found.servers.set(server, samples)
  }
}

export function metricsOf({ servers }: CaseResult): MetricName[] {
  const samples = [...servers.values()].flat()
  return [...new Set(samples.flatMap((sample) => Object.keys(sample ?? {}) as MetricName[]))]
}

export function spreadOf(one: CaseResult, server: ServerName, metric: MetricName) {
  return spread((one.servers.get(server) ?? []).map((sample) => sample?.[metric]))
}

export function ratioOf(
  one: CaseResult,
  server: ServerName,
  to: ServerName,
  metric: MetricName,
): Spread | undefined {
  const divisors = one.servers.get(to) ?? []
  return spread(
    (one.servers.get(server) ?? []).map((sample, round) => {
      const [value, divisor] = [sample?.[metric], divisors[round]?.[metric]]
      return value === undefined || divisor === undefined ? undefined : value / divisor
    }),
  )
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
