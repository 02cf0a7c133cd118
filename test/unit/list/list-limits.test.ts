import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseList } from '../../../src/list/parse-list.ts'

const parse = (text: string) => parseList({ name: 'mirror.txt', text })

suite('of what is costly one list has so much and no more', () => {
  for (const [what, line, max, sentence] of [
    ['problems', 'a//b', 1000, /^these are more than 1000 problems: what follows was not read$/],
    ['regular expressions', 'app:^1', 2000, /^a list has at most 2000 regular expressions: /],
    [
      'patterns of @exclude',
      '@exclude *-rc*',
      512,
      /^all @exclude lines .* at most 512 patterns: /,
    ],
    ['@registry', '@registry docker.io jobs=2', 256, /^a list has at most 256 @registry lines: /],
    ['@window', '@window 1:00-6:00', 64, /^a list has at most 64 @window lines: /],
  ] as const) {
    test(what, () => {
      const isWrong = what === 'problems'
      const most = `${line}\n`.repeat(max)
      assert.equal(parse(most).problems.length, isWrong ? max : 0)
      const { problems } = parse(`${most}${line}\nthis is not read\n`)
      const last = problems.at(-1)
      assert.match(last?.message ?? '', sentence)
      assert.equal(last?.line, max + 1)
      assert.equal(problems.length, isWrong ? max + 2 : 1)
    })
  }

  test('with all that it includes', () => {
    const half = '@window 1:00-6:00\n'.repeat(33)
    const included = { name: 'more.txt', text: `${half}nginx\n` }
    const text = `${half}@include more.txt\nredis\n`
    const { problems, entries } = parseList({
      ...{ name: 'mirror.txt', text },
      includes: [{ line: 34, list: included }],
    })
    assert.deepEqual(
      problems.map(({ source, line }) => [source, line]),
      [['more.txt', 32]],
    )
    assert.deepEqual(entries, [])
  })
})
