import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { compare } from '../../bench/compare.ts'
import { renderComparison } from '../../bench/compare-table.ts'
import { readResults } from '../../bench/result-file.ts'
import type { ResultFile } from '../../bench/result-file.ts'
import { Results } from '../../bench/results.ts'
import { toJson } from '../../bench/to-json.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const MACHINE = { cpu: 'a', cores: 2, memoryMiB: 1000, kernel: 'Linux 1', versions: ['one 1.0'] }

interface Ran {
  readonly regmirror: readonly (number | undefined)[] // MB/s, by round
  readonly peer?: readonly number[]
  readonly machine?: Partial<typeof MACHINE>
  readonly title?: string
  readonly problems?: readonly string[]
}

// A file as a run writes it.
function written(ran: Ran): string {
  const { regmirror, peer = [], machine, title = 'hits', problems = [] } = ran
  const results = new Results()
  const servers = { peer, regmirror }
  for (const [server, rates] of Object.entries(servers)) {
    rates.forEach((rate, round) => {
      if (rate !== undefined) results.add('hits', title, server, round, { rate })
    })
  }
  results.problems.push(...problems)
  const options = {
    rounds: regmirror.length,
    only: ['hits'],
    runtimes: [],
    json: undefined,
    compare: undefined,
  }
  return toJson({ ...MACHINE, ...machine }, options, results)
}

async function read(text: string): Promise<ResultFile> {
  await using folder = new TempFolder()
  const file = folder.join('run.json')
  writeFileSync(file, text)
  return readResults(file)
}

async function compared(old: Ran, now: Ran) {
  const runs = [await read(written(old)), await read(written(now))] as const
  const comparison = compare(...runs)
  return { comparison, table: renderComparison(...runs, comparison) }
}

suite('two runs of the benchmark', () => {
  for (const [what, now, verdict] of [
    ['as before', [110, 120, 130], 'within'],
    ['that no round of the old run reached', [201, 210, 220], 'better'],
    ['below all rounds of the old run', [70, 80, 99], 'worse'],
    ['of two rounds', [300, 310], 'unknown'],
    ['of which a round is missing', [300, undefined, 310], 'unknown'],
  ] as const) {
    test(`a figure ${what} is ${verdict}`, async () => {
      const { comparison } = await compared({ regmirror: [100, 150, 200] }, { regmirror: now })
      assert.deepEqual(
        comparison.cases.flatMap(({ figures }) => figures.map((each) => each.verdict)),
        [verdict],
      )
    })
  }

  test('a ratio is taken inside each round, and compared as a figure of its own', async () => {
    const old = { regmirror: [100, 200, 300], peer: [100, 200, 300] }
    const { comparison, table } = await compared(old, {
      regmirror: [200, 400, 600],
      peer: [100, 200, 300],
    })
    const ratio = comparison.cases[0]?.figures.find(({ to }) => to === 'peer')
    assert.deepEqual(ratio?.old, { median: 1, min: 1, max: 1 })
    assert.deepEqual(ratio?.new, { median: 2, min: 2, max: 2 })
    assert.equal(ratio?.verdict, 'better')
    assert.match(table, /regmirror \/ peer, MB\/s \(\+\) +× 1\.00 +× 2\.00 +× 2\.00 +better/)
    assert.match(table, /3 figures: 1 better, 0 worse/)
  })

  test('another machine, other programs, problems and cases of one run alone are told', async () => {
    const { comparison, table } = await compared(
      { regmirror: [1], title: 'gone' },
      {
        regmirror: [1],
        title: 'come',
        machine: { cores: 4, versions: ['one 2.0'] },
        problems: ['hits, round 0: reset'],
      },
    )
    assert.deepEqual(comparison.cautions, [
      'another machine: a, 2 cores, 1000 MiB, Linux 1, then a, 4 cores, 1000 MiB, Linux 1',
      'other programs: one 1.0, then one 2.0',
      'the new run had a problem: hits, round 0: reset',
    ])
    assert.match(table, /only in the old run: gone\nonly in the new run: come/)
  })
})

suite('a file that cannot be compared', () => {
  for (const [what, text, sentence] of [
    ['a cut one', written({ regmirror: [1] }).slice(0, -20), /run\.json is not JSON, or was cut/],
    ['another JSON', '[1]', /is no result of `npm run bench -- --json`/],
    ['a later form', '{"format":"regmirror bench","version":2}', /of version 2 .* this reads 1/],
    [
      'a damaged one',
      written({ regmirror: [1] }).replace('"cores": 2', '"cores": "2"'),
      /run\.json: machine\.cores is not as it should be/,
    ],
  ] as const) {
    test(`${what} is named in one sentence`, async () => {
      await assert.rejects(read(text), sentence)
    })
  }

  test('one that is not there too', () => {
    assert.throws(() => readResults('/nowhere/run.json'), /\/nowhere\/run\.json cannot be read/)
  })
})
