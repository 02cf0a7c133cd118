import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wideLines } from '../../../src/list/covers.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { canonicalNamed } from '../../../src/mirror/target.ts'
import { addressing } from '../../support/addressing.ts'

test('lines with "*" are held against others unless that is a work of minutes', () => {
  const wideIn = (wide: number, others: number): number => {
    const names = Array.from({ length: wide }, (_, n) => `ghcr.io/a${n}/*`)
    const text = [...names, ...Array.from({ length: others }, () => 'nginx')].join('\n')
    const { entries } = parseList({ name: 'list', text })
    return wideLines(entries, (name) => canonicalNamed(name, addressing)).length
  }
  assert.equal(wideIn(500, 19_500), 500)
  assert.equal(wideIn(500, 19_501), 0)
})
