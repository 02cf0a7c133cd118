import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPage } from '../../../src/upstream/page-link.ts'

const FROM = new URL('https://registry.example/v2/app/tags/list?n=2')
const QUERY = '?n=2&last=b'

const NEXT: [string, string | string[], string | undefined][] = [
  ['as distribution writes it', `</v2/app/tags/list?n=2&last=b>; rel="next"`, QUERY],
  ['without quotes', `</v2/app/tags/list?n=2&last=b>;rel=next`, QUERY],
  [
    'absolute, of the same host',
    `<https://registry.example/v2/app/tags/list?n=2&last=b>; rel="next"`,
    QUERY,
  ],
  [
    'with the port that https has anyway',
    `<https://registry.example:443/x?n=2&last=b>; rel="next"`,
    QUERY,
  ],
  ['only a query', `<?n=2&last=b>; rel="next"`, QUERY],
  [
    'under the path that the registry has inside',
    `</internal/v2/app/tags/list?n=2&last=b>; rel="next"`,
    QUERY,
  ],
  [
    'among others',
    `</first>; rel="first", </v2/x?n=2&last=b>; title="a, b"; REL="prev next"`,
    QUERY,
  ],
  ['in several headers', ['</first>; rel="first"', `</v2/x?n=2&last=b>; rel="next"`], QUERY],
  ['of another relation', `</v2/app/tags/list?last=b>; rel="prev"`, undefined],
  ['of a relation that only begins so', `</v2/app/tags/list?last=b>; rel="nextish"`, undefined],
  ['without a target', `rel="next"`, undefined],
  ['that is empty', '', undefined],
]

for (const [what, link, query] of NEXT) {
  test(`a Link ${what} leads to ${query ?? 'no further page'}`, () => {
    assert.deepEqual(nextPage(link, FROM), query === undefined ? undefined : { query })
  })
}

test('no Link at all is the last page', () => {
  assert.equal(nextPage(undefined, FROM), undefined)
})

for (const target of [
  'https://elsewhere.example/v2/app/tags/list?last=b',
  '//elsewhere.example/v2/app/tags/list?last=b',
  'http://registry.example/v2/app/tags/list?last=b',
  'https://registry.example:8443/v2/app/tags/list?last=b',
  'file:///etc/passwd?last=b',
  'http://[',
]) {
  test(`a Link to ${target} is refused`, () => {
    const next = nextPage(`<${target}>; rel="next"`, FROM)
    assert.ok(next && 'refused' in next)
  })
}
