import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseList } from '../../../src/list/parse-list.ts'
import { lineRows } from '../../../src/warm/explained.ts'
import { noMatch } from '../../../src/warm/lacks.ts'
import { onlyUsed } from '../../../src/warm/line-notes.ts'

suite('what is said of lines', () => {
  test('how many tags of how many repositories a name with "*" stands for', () => {
    assert.match(onlyUsed('ghcr.io/org/*', 3, 2), /lately, 3 tags of 2 repositories$/)
    assert.match(onlyUsed('ghcr.io/org/*', 1, 1), /lately, 1 tag of 1 repository$/)
    assert.match(onlyUsed('ghcr.io/org/*', 0, 0), /lately, which is none$/)
  })

  test('explain does not advise to run explain', () => {
    const [entry] = parseList({ name: 'list', text: 'redis:7.* not=7.2' }).entries
    assert.ok(entry)
    const dropped = [{ because: 'not', count: 1, examples: ['7.2'] }] as const
    const shortage = { count: 0, min: 1 }
    const why = noMatch({ shortage, listed: 1, isCut: false, meansLatest: false, dropped })
    assert.match(why.remedy ?? '', /list explain/)
    const called = 'docker.io/library/redis'
    const line = {
      ...{ entry, name: `${called}:7.*`, called, registry: 'docker.io', repository: undefined },
      ...{ path: undefined, listed: 1, images: [], dropped, why, isUnsure: false },
    }
    const [row] = lineRows({ images: [], unmet: [], lines: [line] })
    assert.equal(row?.problem, why.because)
  })
})
