import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listQuery, nextLink, pageOf } from '../../src/http/page.ts'
import { parseTarget } from '../../src/http/route.ts'
import { nextPage } from '../../src/upstream/page-link.ts'
import { campaign, seed } from '../support/seed.ts'

const options = { seed, numRuns: campaign(500) }
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,8}$/)
const catalogName = fc.stringMatching(/^[a-z0-9.:]{1,8}(?:\/[a-z0-9_-]{1,8}){0,2}$/)

for (const [what, name] of [
  ['tags', tag],
  ['repositories', catalogName],
] as const) {
  test(`going from Link to Link gives every one of the ${what} once, whatever n is`, () => {
    const names = fc.uniqueArray(name, { maxLength: 40 }).map((list) => list.toSorted())
    const ns = fc.option(fc.constant('my.registry:5000'), { nil: undefined })
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 12 }), ns, (all, n, registry) => {
        const suffix = registry === undefined ? '' : `&ns=${encodeURIComponent(registry)}`
        let target: string | undefined = `/v2/app/tags/list?n=${n}${suffix}`
        const seen: string[] = []
        for (let pages = 0; target !== undefined; pages += 1) {
          const query = listQuery(parseTarget(target).query)
          assert.equal(query.ns, registry)
          const { names: page, hasMore } = pageOf(all, query)
          assert.equal(page.length, Math.min(n, all.length - seen.length))
          seen.push(...page)
          const next = { n: page.length, last: page.at(-1) ?? '', ns: registry }
          const link = hasMore ? nextLink('/v2/app/tags/list', next) : undefined
          // Read as the mirror reads another registry's.
          const follow = nextPage(link, new URL(target, 'http://mirror.test'))
          assert.ok(!follow || 'query' in follow)
          target = follow && `/v2/app/tags/list${follow.query}`
          assert.ok(pages <= all.length, 'it ends')
        }
        assert.deepEqual(seen, all)
      }),
      options,
    )
  })
}

test('after any `last` comes what is greater, and `n` of it at most', () => {
  const names = fc.uniqueArray(tag, { maxLength: 40 }).map((list) => list.toSorted())
  fc.assert(
    fc.property(names, fc.string(), fc.nat(50), (all, last, n) => {
      const rest =
        last === ''
          ? all
          : all.filter((each) => Buffer.compare(Buffer.from(each), Buffer.from(last)) > 0)
      assert.deepEqual(pageOf(all, { last }).names, rest)
      const page = pageOf(all, { last, n })
      assert.deepEqual(page.names, rest.slice(0, n))
      assert.equal(page.hasMore, n > 0 && rest.length > n)
    }),
    options,
  )
})
