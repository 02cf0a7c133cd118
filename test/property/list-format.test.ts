import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { meaningOf } from '../../src/list/covers.ts'
import { formatList } from '../../src/list/format.ts'
import { fullName } from '../../src/list/full-name.ts'
import { readLines } from '../../src/list/lines.ts'
import { unaliasing } from '../../src/list/list-rules.ts'
import { parseList } from '../../src/list/parse-list.ts'
import { directiveText } from '../../src/list/print-line.ts'
import { listTexts } from '../support/list-arbitraries.ts'
import { naming } from '../support/naming.ts'
import { campaign, seed } from '../support/seed.ts'

const known = naming()
const runs = { seed, numRuns: campaign(150) }

function formatted(text: string): string {
  const format = formatList({ name: 'list', text }, known)
  assert.ok('text' in format, JSON.stringify(format))
  return format.text
}

/** What a list says, whatever the order of its lines. */
function meaning(text: string) {
  const { entries, blocks, excludes, registries, windows, bytesPerSecond, problems } = parseList({
    name: 'list',
    text,
  })
  assert.deepEqual(problems, [])
  const unaliased = unaliasing(registries)
  const inFull = (name: string) => fullName(unaliased(name), known, (each) => each)
  const lines = entries.map((entry) => meaningOf(entry, inFull(entry.name)))
  const blocked = blocks.map(({ name, tags }) => `${inFull(name)} ${tags ?? ''}`)
  const withoutPlace = (all: readonly object[]) =>
    all.map((each) => ({ ...each, place: undefined }))
  return {
    lines: [...new Set(lines)].sort(),
    blocked: [...new Set(blocked)].sort(),
    excludes: withoutPlace(excludes),
    registries: withoutPlace(registries),
    windows: withoutPlace(windows),
    bytesPerSecond,
  }
}

const commentsOf = (text: string): ReadonlySet<string> =>
  new Set(readLines(text).flatMap(({ comment }) => comment ?? []))

const directivesOf = (text: string): readonly string[] =>
  readLines(text).flatMap(({ says }) =>
    says.kind === 'directive' ? [directiveText(says.directive)] : [],
  )

suite('what fmt does to any list', () => {
  test('a formatted list is its own form', () => {
    fc.assert(
      fc.property(listTexts, (text) => {
        const once = formatted(text)
        assert.equal(formatted(once), once)
      }),
      runs,
    )
  })

  test('it means what it meant, and its directives stay in their order', () => {
    fc.assert(
      fc.property(listTexts, (text) => {
        const after = formatted(text)
        assert.deepEqual(meaning(after), meaning(text))
        assert.deepEqual(directivesOf(after), directivesOf(text))
      }),
      runs,
    )
  })

  test('no comment is lost', () => {
    fc.assert(
      fc.property(listTexts, (text) => {
        assert.deepEqual(commentsOf(formatted(text)), commentsOf(text))
      }),
      runs,
    )
  })

  test('whatever is no list is refused, or has a form', () => {
    const signs = fc.constantFrom(
      ...[' ', '\t', '\r', '\n', '#', '!', '@', ':', '^', '*', '"', '=', 'a', 'a/b', '@defaults'],
      ...['\u2028', '\uFEFF'],
    )
    const texts = fc.array(fc.oneof(signs, fc.string({ unit: 'binary' })), { maxLength: 40 })
    fc.assert(
      fc.property(texts, (parts) => {
        const format = formatList({ name: 'list', text: parts.join('') }, known)
        if ('text' in format) assert.equal(formatted(format.text), format.text)
        else assert.ok(format.problems.length > 0)
      }),
      runs,
    )
  })

  test('how lines end and begin makes no difference', () => {
    fc.assert(
      fc.property(listTexts, (text) => {
        assert.equal(formatted(`\uFEFF${text.replaceAll('\n', '\r\n')}`), formatted(text))
      }),
      runs,
    )
  })
})
