// What `warm --plan` and `warm --last` print.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planTable, runFailures, runsTable } from '../../../src/cli/warm-table.ts'
import { failureOf, GIB, registryOf, reportOf, resultOf } from '../../support/warm-shown.ts'

test('a plan tells for each registry what is asked of it and what is left of it', () => {
  const registries = [
    registryOf({ plannedPulls: 33, quotaLimit: 100, remainingBefore: 57, reserve: 20 }),
    registryOf({ registry: 'quay.io', plannedPulls: 2 }),
  ]
  const results = [
    resultOf({ status: 'fresh' }),
    resultOf({ status: 'stale' }),
    resultOf({ status: 'stale' }),
    resultOf({ status: 'failed', registry: 'quay.io' }),
  ]
  assert.deepEqual(planTable({ registries }, results, undefined).split('\n'), [
    'REGISTRY   FRESH  TO FETCH  FAILED  PULLS AT MOST  PULLS LEFT  RESERVE',
    'docker.io      1         2       0             33   57 of 100       20',
    'quay.io        0         0       1              2           -        -',
    '',
  ])
})

test('the last runs are told a line each, as the clock on the wall had them', () => {
  const startedAt = new Date(2026, 10, 22, 1, 30).toISOString()
  const endedAt = new Date(2026, 10, 22, 2, 11).toISOString()
  const totals = { references: 37, warmed: 21, fresh: 14, failed: 2, bytesNew: 6.4 * GIB }
  const run = reportOf({ startedAt, endedAt, totals, outcome: 'failures' })
  const [, line = '', end] = runsTable([run], undefined).split('\n')
  assert.equal(
    line,
    '2026-11-22 01:30   41m  mirror.txt      21     14       2     0  6.4 GiB  with failures',
  )
  assert.equal(end, '')
})

test('what was typed is told by its first image, or by how many there were', () => {
  const typed = (name: string) =>
    resultOf({
      reference: `docker.io/library/${name}`,
      places: [{ source: 'command line', line: 1 }],
    })
  const totals = { references: 3, warmed: 3 }
  const results = [resultOf(), typed('redis:7'), typed('alpine:3')]
  const lists = (parts: Parameters<typeof reportOf>[0]): string =>
    runsTable([reportOf({ totals, ...parts })], undefined)
  assert.match(lists({ sources: ['command line'], results }), / {2}redis:7 and 1 more {2}/)
  assert.match(lists({ sources: ['command line'], results: [typed('a:1')] }), / {2}a:1 {2}/)
  assert.match(lists({ sources: ['command line'] }), / {2}3 images {2}/)
  assert.match(lists({ sources: ['a.txt', 'command line'], results }), /a\.txt, redis:7 and 1 more/)
  assert.match(lists({ sources: ['a.txt', 'command line'] }), /a\.txt, command line/)
})

test('names of files and registries cannot command the terminal', () => {
  const evil = 'x\u001b[2J\u202e\nx.txt'
  const runs = runsTable([reportOf({ sources: [evil] })], undefined)
  const plan = planTable({ registries: [registryOf({ registry: evil })] }, [], undefined)
  for (const table of [runs, plan]) {
    assert.match(table, /x {1,2}x\.txt/)
    assert.doesNotMatch(table.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u)
    assert.equal(table.split('\n').length, 3)
  }
})

test('of one run whose list includes another, what it did not get is told with the file', () => {
  const places = [{ source: 'i.txt', line: 2 }]
  const results = [{ ...failureOf('quay.io/a/b:1'), places }]
  assert.match(
    runFailures(reportOf({ results, sources: ['inc.txt'] })),
    /^failed {2}i\.txt:2 {2}quay/,
  )
})

test('of one run, what it did not get is told: the failures first', () => {
  const results = [
    resultOf({ status: 'left', because: 'ended at 06:00 as told' }),
    resultOf(),
    failureOf('docker.io/library/ngnix:1.25'),
  ]
  assert.deepEqual(runFailures(reportOf({ results })).split('\n'), [
    'failed  line 18  docker.io/library/ngnix:1.25: it does not exist',
    'left    line 18  docker.io/library/nginx:1.27: ended at 06:00 as told',
    '',
  ])
})
