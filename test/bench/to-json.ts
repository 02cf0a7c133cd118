// The results for a program: every sample, so that two runs can be compared later.
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import { metricsOf, spreadOf } from './results.ts'
import type { CaseResult, Results } from './results.ts'

export function toJson(machine: Machine, { rounds }: Options, results: Results): string {
  const cases = results.cases.map((one) => ({
    part: one.part,
    title: one.title,
    servers: Object.fromEntries([...one.servers.keys()].map((name) => [name, summary(one, name)])),
  }))
  const { problems } = results
  const at = new Date().toISOString()
  return `${JSON.stringify({ at, machine, rounds, cases, problems }, null, 2)}\n`
}

function summary(one: CaseResult, server: Parameters<typeof spreadOf>[1]): object {
  const samples = one.servers.get(server) ?? []
  return Object.fromEntries(
    metricsOf(one).flatMap((metric) => {
      const spread = spreadOf(one, server, metric)
      if (spread === undefined) return []
      return [[metric, { ...spread, samples: samples.map((sample) => sample?.[metric] ?? null) }]]
    }),
  )
}
