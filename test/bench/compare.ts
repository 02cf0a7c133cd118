// Two runs beside each other: which figures differ by more than their rounds did.
import type { Figures, MeasuredCase, ResultFile } from './result-file.ts'
import { SUBJECT } from './results.ts'
import type { Spread } from './results.ts'

// Fewer do not tell how much a figure moves by itself.
export const ROUNDS_MIN = 3

export type Verdict = 'better' | 'worse' | 'within' | 'unknown'

export interface ComparedFigure {
  readonly server: string
  readonly to: string | undefined // the figure is the ratio of the server to this one
  readonly metric: string
  readonly old: Spread
  readonly new: Spread
  readonly ratio: number // new to old
  readonly verdict: Verdict
}

export interface ComparedCase {
  readonly part: string
  readonly title: string
  readonly figures: readonly ComparedFigure[]
}

export interface Comparison {
  readonly cases: readonly ComparedCase[]
  readonly onlyOld: readonly string[] // titles
  readonly onlyNew: readonly string[]
  // Why the figures are not to be compared without a thought, a sentence each.
  readonly cautions: readonly string[]
}

export function compare(old: ResultFile, now: ResultFile): Comparison {
  const metrics = { ...old.metrics, ...now.metrics }
  const isMore = (metric: string) => metrics[metric]?.better === 'more'
  const pairs = now.cases.flatMap((one) => {
    const before = old.cases.find((each) => keyOf(each) === keyOf(one))
    return before === undefined ? [] : [{ before, after: one }]
  })
  return {
    cases: pairs.map(({ before, after }) => ({
      ...{ part: after.part, title: after.title },
      figures: [...figuresOf(before, after, isMore), ...ratiosOf(before, after, isMore)],
    })),
    onlyOld: titlesWithout(old, now),
    onlyNew: titlesWithout(now, old),
    cautions: cautionsOf(old, now),
  }
}

type IsMore = (metric: string) => boolean

function figuresOf(before: MeasuredCase, after: MeasuredCase, isMore: IsMore): ComparedFigure[] {
  return Object.entries(after.servers).flatMap(([server, figures]) =>
    Object.entries(figures).flatMap(([metric, figure]) => {
      const earlier = before.servers[server]?.[metric]
      if (earlier === undefined) return []
      const isTold = roundsOf(earlier) >= ROUNDS_MIN && roundsOf(figure) >= ROUNDS_MIN
      const verdict = isTold ? verdictOn(earlier, figure, isMore(metric)) : 'unknown'
      return [{ server, to: undefined, metric, ...changed(earlier, figure), verdict } as const]
    }),
  )
}

function ratiosOf(before: MeasuredCase, after: MeasuredCase, isMore: IsMore): ComparedFigure[] {
  return Object.entries(after.ratios).flatMap(([to, ratios]) =>
    Object.entries(ratios).flatMap(([metric, ratio]) => {
      const earlier = before.ratios[to]?.[metric]
      if (earlier === undefined) return []
      const isTold = [before, after].every((one) => commonRounds(one, to, metric) >= ROUNDS_MIN)
      const verdict = isTold ? verdictOn(earlier, ratio, isMore(metric)) : 'unknown'
      return [{ server: SUBJECT, to, metric, ...changed(earlier, ratio), verdict } as const]
    }),
  )
}

// Beyond the spread: no round of the one run was like any round of the other.
function verdictOn(old: Spread, now: Spread, isMore: boolean): Verdict {
  if (now.min > old.max) return isMore ? 'better' : 'worse'
  if (now.max < old.min) return isMore ? 'worse' : 'better'
  return 'within'
}

function changed(old: Spread, now: Spread) {
  return { old, new: now, ratio: now.median / old.median }
}

function roundsOf({ samples }: Figures): number {
  return samples.filter((sample) => sample !== null).length
}

function commonRounds({ servers }: MeasuredCase, to: string, metric: string): number {
  const [subject, other] = [servers[SUBJECT]?.[metric], servers[to]?.[metric]]
  return Math.min(subject ? roundsOf(subject) : 0, other ? roundsOf(other) : 0)
}

function titlesWithout({ cases }: ResultFile, other: ResultFile): string[] {
  const known = new Set(other.cases.map(keyOf))
  return cases.filter((one) => !known.has(keyOf(one))).map(({ title }) => title)
}

function keyOf({ part, title }: MeasuredCase): string {
  return `${part}\n${title}`
}

function cautionsOf(old: ResultFile, now: ResultFile): string[] {
  const [before, after] = [machineOf(old), machineOf(now)]
  const machines = before === after ? [] : [`another machine: ${before}, then ${after}`]
  const gone = old.machine.versions.filter((each) => !now.machine.versions.includes(each))
  const come = now.machine.versions.filter((each) => !old.machine.versions.includes(each))
  const isSame = gone.length === 0 && come.length === 0
  const versions = isSame ? [] : [`other programs: ${gone.join(', ')}, then ${come.join(', ')}`]
  const problems = [old, now].flatMap((run, at) =>
    run.problems.map((problem) => {
      const [sentence] = problem.split('\n') // what the programs said stands below it
      return `the ${at === 0 ? 'old' : 'new'} run had a problem: ${sentence}`
    }),
  )
  return [...machines, ...versions, ...problems]
}

function machineOf({ machine: { cpu, cores, memoryMiB, kernel } }: ResultFile): string {
  return `${cpu}, ${cores} cores, ${memoryMiB} MiB, ${kernel}`
}
