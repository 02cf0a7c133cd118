import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmReport, WarmResult } from '../../../src/care/warm-job.ts'
import { clearsFailedList } from '../../../src/warm/kept-list.ts'

type Told = Pick<WarmReport, 'sources' | 'results'>

function run(sources: readonly string[], results: Readonly<Record<string, string>>): Told {
  const all = Object.entries(results).map(([reference, status]) => ({ reference, status }))
  return { sources, results: all as unknown as readonly WarmResult[] }
}

const failing = run(['mirror.txt'], { 'a:1': 'failed', 'b:1': 'warmed', 'c:1': 'left' })
const wellDone = run(['other.txt'], { 'x:1': 'warmed' })

test('the list of what failed goes with a run of it, of its files, or of all that is in it', () => {
  const clears = (sources: readonly string[], references: readonly string[]) => {
    const results = Object.fromEntries(references.map((each) => [each, 'warmed']))
    return clearsFailedList(run(sources, results), [wellDone, failing])
  }
  assert.equal(clears(['/data/warm-failed.txt'], ['a:1']), true)
  assert.equal(clears(['extra.txt', 'mirror.txt'], ['d:1']), true)
  assert.equal(clears(['other.txt'], ['a:1', 'b:1', 'c:1']), true)
  assert.equal(clears(['other.txt'], ['a:1', 'b:1']), false)
})

test('what is typed or piped is another list each time', () => {
  for (const source of ['command line', 'standard input']) {
    const again = run([source], { 'b:1': 'warmed' })
    assert.equal(clearsFailedList(again, [run([source], { 'a:1': 'failed' })]), false)
  }
})

test('what somebody typed, or what is left for the budget, wrote no list', () => {
  const typed = run(['command line'], { 'x:1': 'failed' })
  const results = [{ status: 'left', cause: 'budget', reference: 'y:1' }]
  const full = { sources: ['big.txt'], results: results as unknown as readonly WarmResult[] }
  const again = run(['mirror.txt'], { 'a:1': 'warmed' })
  assert.equal(clearsFailedList(again, [typed, full, failing]), true)
})

test('where nothing tells whose list it is, it stays', () => {
  assert.equal(clearsFailedList(wellDone, []), false)
  assert.equal(clearsFailedList(wellDone, [{ ...failing, results: [] }]), false)
})
