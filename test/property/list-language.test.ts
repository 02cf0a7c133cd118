// Parse and print agree on whatever a list can say, and no text is too much for the parser.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { readLines } from '../../src/list/lines.ts'
import { parseList } from '../../src/list/parse-list.ts'
import { statementText } from '../../src/list/print-line.ts'
import type { Statement } from '../../src/list/statement.ts'
import { comments, includes, listTexts, statements } from '../support/list-arbitraries.ts'
import { campaign, seed } from '../support/seed.ts'

const runs = (usual: number) => ({ seed, numRuns: campaign(usual) })

suite('parse and print agree', () => {
  const all = fc.oneof(
    { weight: 12, arbitrary: statements },
    {
      weight: 1,
      arbitrary: includes.map((directive): Statement => ({ kind: 'directive', directive })),
    },
  )

  test('what is printed reads back as the same, with a comment behind it, too', () => {
    fc.assert(
      fc.property(all, fc.option(comments, { nil: undefined }), (statement, comment) => {
        const text = statementText(statement) + (comment === undefined ? '' : `  ${comment}`)
        assert.deepEqual(readLines(text), [{ number: 1, text, says: statement, comment }])
      }),
      runs(500),
    )
  })

  test('what somebody typed, printed and read again, says the same', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const { says } of readLines(text)) {
          if (says.kind === 'blank' || says.kind === 'comment' || says.kind === 'wrong') continue
          const printed = statementText(says)
          const [again] = readLines(printed)
          assert.deepEqual(again?.says, says)
          assert.equal(statementText(says), printed)
        }
      }),
      runs(500),
    )
  })
})

/** What lines are made of, in any order. */
const pieces = fc.constantFrom(
  ...['nginx', 'ghcr.io/org/app', 'ghcr.io/', 'latest', '1.25', 'Nginx', 'docker pull', '- '],
  ...[':', '@', '/', ',', '^', '*', '**', '{', '}', '[', ']', '"', '=', ' ', ' ', ' '],
  ...['#', '!', '\t', '\r', '\n', '\uFEFF', '\u00A0', '\u200B', '🐳', '\u0000', '\uD800'],
  ...['docker://', 'https://', 'hub.docker.com/r/', '/v2/', '/manifests/', '?', '\\', '(', ')'],
  ...['+', '-', '.', '_', 'A', 'sha256:', 'f'.repeat(64), 'linux/amd64', '30d', '20GB', '3'],
  ...['platforms=', 'newest=', 'semver=', '>=1', '||', 'variant=', 'not=', 'min=', 'max='],
  ...['optional', 'used=', 'every=', 'keep=', 'pin', 'priority=', 'high', 'max-size=', 'bare='],
  ...['referrers=', 'yes', 'a/b', '@defaults ', '@include ', '@exclude ', '@registry '],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '@constructor',
    'docker.io ',
    'reserve=',
    'rps=',
    'alias=',
    '@window ',
    '01:00-06:00',
    'tz=',
    '@bandwidth ',
  ],
)

/** Right lines with a few characters changed, taken out or put in. */
const mutated = fc
  .tuple(
    listTexts,
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3), pieces)),
  )
  .map(([text, changes]) =>
    changes.reduce((changed, [where, removed, put]) => {
      const at = Math.floor(where * changed.length)
      return changed.slice(0, at) + put + changed.slice(at + removed)
    }, text),
  )

const hostile = fc.oneof(
  mutated,
  fc.array(pieces, { maxLength: 40 }).map((each) => each.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

suite('whatever a list holds', () => {
  test('nothing throws, and every line says something, nothing or what is wrong within it', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const lines = text.replace(/^\uFEFF/, '').split('\n')
        const { entries, blocks, problems } = parseList({ name: 'a list', text })
        for (const { number, text: line, says } of readLines(text)) {
          const own = problems.filter((problem) => problem.line === number)
          assert.equal(line, lines[number - 1]?.replace(/\r$/, ''))
          const isInclude = says.kind === 'directive' && says.directive.kind === 'include'
          assert.equal(own.length > 0, says.kind === 'wrong' || isInclude)
          const said = [...entries, ...blocks].filter(({ place }) => place.line === number)
          assert.equal(said.length, says.kind === 'entry' || says.kind === 'block' ? 1 : 0)
          for (const { column, message } of own) {
            assert.ok(column >= 1 && column <= Array.from(line).length + 1, `${column} of ${line}`)
            assert.notEqual(message, '')
          }
        }
      }),
      runs(1000),
    )
  })

  test('a line that is offered instead of a wrong one is right, and keeps its comment', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const { says } of readLines(text)) {
          if (says.kind !== 'wrong') continue
          const [{ instead } = {}] = says.problems
          if (instead === undefined) continue
          assert.deepEqual(
            parseList({ name: 'a list', text: withoutIncludes(instead) }).problems,
            [],
          )
        }
      }),
      runs(500),
    )
  })
})

function withoutIncludes(line: string): string {
  return line.trimStart().startsWith('@include') ? '' : line
}

suite('time', () => {
  // Whatever a careless expression or loop would run over again and again.
  const hostileUnits = [
    ...['a', 'a/', 'a-', 'a.', 'a--', '__a', '..', 'A/', '/', '//', '*', 'a*/', '**/', '-', '_'],
    ...['[', '[a', '[]', '[!a],', '{', '{a,', '{,}', '{a,b},', ',', 'a,', '*,', ':', 'a:', '::'],
    ...['@', '@sha256:a', '^', '^(', '(a*)', 'a{9}', '"', '="', 'a="', '= ', 'a=b ', 'x ', ' '],
    ...['\t', '#', 'a#', '!', '!a:{', '0', '0:', '1.', 'http://', 'a://', '/v2/', 'manifests/'],
    ...['not=* ', 'not=a, ', 'platforms=a,', 'semver=1||', '>=1 ', '|| ', 'alias=a.b,', '🐳'],
    ...['\u00A0', '\u200B', '\\', 'docker pull ', '- ', 'image: ', 'localhost:', '(?:', ')*'],
  ]
  const beginnings = [
    ...['', 'nginx:', 'nginx:^', 'nginx:/', 'nginx ', 'nginx@sha256:', 'ghcr.io/', '!', '@'],
    ...['nginx semver="', 'nginx not=', 'nginx platforms=', 'nginx referrers=', 'nginx used='],
    ...['@exclude ', '@exclude ^', '@defaults ', '@registry docker.io alias=', '@include '],
    ...['@window 01:00-02:00 tz=', 'https://hub.docker.com/', 'http://', 'docker pull '],
  ]

  // Of this process alone: what else the machine does is not counted.
  const cpuOf = (length: number): number => {
    const before = process.cpuUsage()
    for (const beginning of beginnings) {
      for (const unit of hostileUnits) {
        const text = (beginning + unit.repeat(length)).slice(0, length)
        assert.equal(readLines(text)[0]?.text, text)
      }
    }
    return process.cpuUsage(before).user
  }

  test('lines four times as long take about four times as long, whatever they repeat', () => {
    cpuOf(512)
    const [short, long] = [cpuOf(2048), cpuOf(8192)]
    // In proportion it is 4, by the square 16.
    assert.ok(long < 10 * short, `${long / short} times`)
  })

  test('long lists are read in time in proportion to their lines', () => {
    const text = 'ghcr.io/org/app:1.*,latest newest=3 platforms=linux/amd64 # why\n'.repeat(20_000)
    const { entries, problems } = parseList({ name: 'a list', text })
    assert.deepEqual([entries.length, problems.length], [20_000, 0])
    const wrong = readLines('docker pull Nginx newest\n'.repeat(20_000))
    assert.ok(wrong.every(({ says }) => says.kind === 'wrong'))
  })
})
