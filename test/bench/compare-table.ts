// Two runs for a person: one block for each case that both have, one row for each figure.
import { ROUNDS_MIN } from './compare.ts'
import type { ComparedFigure, Comparison, Verdict } from './compare.ts'
import type { ResultFile } from './result-file.ts'
import { columns, figure, ratio, titleOf } from './table.ts'

const LEGEND = [
  'median [least - most] over the rounds; (+) more is better, (-) less is better',
  'better, worse: every round of the new run was beyond all rounds of the old one',
  `too few rounds: at least ${ROUNDS_MIN} of each run are needed to tell`,
  'read the ratios to other servers first: a slower hour of the machine slows all of them',
]
const SHOWN: Readonly<Record<Verdict, string>> = {
  better: 'better',
  worse: 'WORSE',
  within: '',
  unknown: 'too few rounds',
}

export function renderComparison(old: ResultFile, now: ResultFile, compared: Comparison): string {
  const metrics = { ...old.metrics, ...now.metrics }
  const blocks = compared.cases.map(({ title, figures }) =>
    columns([
      [title, `old`, `new`, 'new / old', ''],
      ...figures.map((each) => rowOf(each, metrics[each.metric])),
    ]),
  )
  const all = compared.cases.flatMap(({ figures }) => figures)
  const count = (verdict: Verdict) => all.filter((each) => each.verdict === verdict).length
  const summary = `${all.length} figures: ${count('better')} better, ${count('worse')} worse`
  return [
    `old: ${old.at}, ${old.options.rounds} rounds; new: ${now.at}, ${now.options.rounds} rounds`,
    ...compared.cautions,
    ...blocks.flatMap((block) => ['', block]),
    '',
    ...compared.onlyOld.map((title) => `only in the old run: ${title}`),
    ...compared.onlyNew.map((title) => `only in the new run: ${title}`),
    summary,
    ...LEGEND,
  ].join('\n')
}

function rowOf(one: ComparedFigure, metric: ResultFile['metrics'][string] | undefined): string[] {
  const { server, to, verdict } = one
  const unit = metric === undefined ? one.metric : titleOf(metric)
  const show = (spread: ComparedFigure['old']) =>
    to === undefined ? figure(spread, metric?.digits ?? 2) : ratio(spread)
  const name = to === undefined ? server : `${server} / ${to}`
  return [
    `  ${name}, ${unit}`,
    show(one.old),
    show(one.new),
    Number.isFinite(one.ratio) ? `× ${one.ratio.toFixed(2)}` : '',
    SHOWN[verdict],
  ]
}
