import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestError } from '../../../src/errors.ts'
import { listQuery, nextLink, PAGE_MAX, pageOf } from '../../../src/http/page.ts'
import { parseTarget } from '../../../src/http/route.ts'

const NAMES = ['1.0', '1.1', 'Latest', 'edge', 'latest']

// [query, names, whether there are more]
const PAGES: [Parameters<typeof pageOf>[1], string[], boolean][] = [
  [{}, NAMES, false],
  [{ n: 2 }, ['1.0', '1.1'], true],
  [{ n: 5 }, NAMES, false],
  [{ n: 9 }, NAMES, false],
  [{ n: 0 }, [], false],
  [{ last: '1.1' }, ['Latest', 'edge', 'latest'], false],
  [{ last: '1.05' }, ['1.1', 'Latest', 'edge', 'latest'], false],
  [{ n: 1, last: 'M' }, ['edge'], true],
  [{ n: 1, last: 'edge' }, ['latest'], false],
  [{ n: 1, last: 'latest' }, [], false],
  [{ n: 0, last: 'edge' }, [], false],
]

for (const [query, names, hasMore] of PAGES) {
  test(`the page ${JSON.stringify(query)} is ${JSON.stringify(names)}`, () => {
    assert.deepEqual(pageOf(NAMES, query), { names, hasMore })
  })
}

for (const n of ['-1', 'two', '1.5', '0x10', '1e3', ' 1', '١']) {
  test(`n=${n} is refused`, () => {
    const { query } = parseTarget(`/v2/app/tags/list?n=${encodeURIComponent(n)}`)
    assert.throws(
      () => listQuery(query),
      (error) => error instanceof RequestError && error.code === 'PAGINATION_NUMBER_INVALID',
    )
  })
}

test('a page of any size is at most the largest one', () => {
  for (const n of [String(PAGE_MAX + 1), '9'.repeat(400)]) {
    assert.equal(listQuery(parseTarget(`/v2/app/tags/list?n=${n}`).query).n, PAGE_MAX)
  }
})

test('a Link is a path, with what stood in the query', () => {
  const page = { n: 2, last: 'org/app', ns: 'my.registry:5000' }
  assert.equal(
    nextLink('/v2/_catalog', page),
    '</v2/_catalog?n=2&last=org%2Fapp&ns=my.registry%3A5000>; rel="next"',
  )
  assert.equal(
    nextLink('/v2/a/tags/list', { n: 1, last: '1.0_x-y', ns: undefined }),
    '</v2/a/tags/list?n=1&last=1.0_x-y>; rel="next"',
  )
})
