// The results for a program (result-file.ts): every sample, so that two runs can be compared later.
import type { Machine } from './machine.ts'
import { METRICS } from './metrics.ts'
import type { MetricName } from './metrics.ts'
import type { Options } from './options.ts'
import { writeResults } from './result-file.ts'
import type { Figures, MeasuredCase } from './result-file.ts'
import { metricsOf, ratioOf, serversOf, spreadOf, SUBJECT } from './results.ts'
import type { CaseResult, Results, Spread } from './results.ts'

export function toJson(machine: Machine, { rounds, only }: Options, results: Results): string {
  const used = new Set(results.cases.flatMap(metricsOf))
  return writeResults({
    at: new Date().toISOString(),
    machine: { ...machine, versions: [...machine.versions] },
    options: { rounds, only: [...only] },
    metrics: Object.fromEntries([...used].map((name) => [name, METRICS[name]])),
    cases: results.cases.map(toCase),
    problems: results.problems,
  })
}

function toCase(one: CaseResult): MeasuredCase {
  const servers = serversOf(one)
  const others = one.servers.has(SUBJECT) ? servers.filter((server) => server !== SUBJECT) : []
  return {
    part: one.part,
    title: one.title,
    servers: Object.fromEntries(servers.map((server) => [server, figuresOf(one, server)])),
    ratios: Object.fromEntries(others.map((other) => [other, ratiosOf(one, other)])),
  }
}

function figuresOf(one: CaseResult, server: string): Record<string, Figures> {
  const samples = one.servers.get(server) ?? []
  return byMetric(one, (metric) => {
    const spread = spreadOf(one, server, metric)
    // A round without a sample has a hole, which Array.from does not pass over.
    return spread && { ...spread, samples: Array.from(samples, (each) => each?.[metric] ?? null) }
  })
}

function ratiosOf(one: CaseResult, to: string): Record<string, Spread> {
  return byMetric(one, (metric) => ratioOf(one, to, metric))
}

function byMetric<T>(one: CaseResult, of: (metric: MetricName) => T | undefined) {
  const known = metricsOf(one).flatMap((metric): [string, T][] => {
    const value = of(metric)
    return value === undefined ? [] : [[metric, value]]
  })
  return Object.fromEntries(known)
}
