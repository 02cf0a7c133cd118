// What may be had, against an evaluation that asks every line in turn and knows no short cuts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { creatingAccess } from '../../src/list/access.ts'
import type { Verdict } from '../../src/list/access.ts'
import { ListRules } from '../../src/list/list-rules.ts'
import type { Naming } from '../../src/list/name-pattern.ts'
import { parseList } from '../../src/list/parse-list.ts'
import { selectTags } from '../../src/list/select-tags.ts'
import { atOnce } from '../../src/list/steps.ts'
import { canonicalNamed, repositoryNamed } from '../../src/mirror/target.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import { addressing } from '../support/addressing.ts'
import { listTexts, tags } from '../support/list-arbitraries.ts'
import { campaign, seed } from '../support/seed.ts'

interface Line {
  // With its registry and, at Docker Hub, `library/`.
  readonly name: string
  // Globs of `*` alone; none: every tag.
  readonly tags: readonly string[]
}

const component = fc.constantFrom('a', 'b', 'ab', 'abb', 'library')
const registry = fc.constantFrom('docker.io', 'ghcr.io')
const repository = fc
  .tuple(registry, fc.array(component, { minLength: 2, maxLength: 4 }))
  .map(([host, path]) => [host, ...path].join('/'))
const tag = fc.constantFrom('1', '1.2', '1.2-a', '2', 'latest')
const glob = fc.constantFrom('*', '1*', '*-a', '1.*', '*2*')
const ofTags = fc.record({
  name: repository,
  tags: fc.uniqueArray(fc.oneof(tag, glob), { maxLength: 2 }),
})
// One `*` at the end, as lines may have it.
const wide = fc
  .tuple(repository, fc.constantFrom('/*', '/**', '*', ''))
  .map(([name, end]): Line => ({ name: name + end, tags: [] }))
// `*` in any component but the registry's.
const starred = fc.constantFrom('*', '**', 'a*', '*b', 'a*b', 'a', 'b', 'ab', 'library')
const blocked = fc
  .tuple(registry, fc.array(starred, { minLength: 2, maxLength: 4 }), fc.option(glob))
  .map(([host, path, each]): Line => ({
    name: [host, ...path].join('/'),
    tags: each === null ? [] : [each],
  }))

const lists = fc.record({
  allow: fc.option(fc.array(fc.oneof(ofTags, wide), { maxLength: 12 })),
  not: fc.array(blocked, { maxLength: 4 }),
  block: fc.array(fc.oneof(ofTags, wide), { maxLength: 3 }),
})
const asked = fc.record({ name: repository, tag: fc.option(tag) })

test('every verdict is the one that reading line after line gives', () => {
  const seen = new Set<Verdict>()
  fc.assert(
    fc.property(lists, fc.array(asked, { maxLength: 20 }), (given, any) => {
      const allowing = given.allow?.map(text) ?? []
      const not = given.not.map((each) => `!${text(each)}`)
      const read = {
        allow: given.allow === null ? undefined : parsed([...allowing, ...not]),
        block: parsed(given.block.map(text)),
      }
      const access = atOnce(creatingAccess(read, (name) => canonicalNamed(name, addressing)))
      for (const each of [...any, ...named(given)]) {
        const [host = '', ...path] = each.name.split('/')
        const name = parseRepositoryName(path.join('/'))
        assert.ok(name)
        const of = each.tag === null ? undefined : parseTag(each.tag)
        const verdict = access.verdict({ registry: host, name }, of)
        assert.equal(verdict, slowly(given, each), JSON.stringify(each))
        seen.add(verdict)
      }
    }),
    { seed, numRuns: campaign(300) },
  )
  assert.equal(seen.size, 5, 'every verdict came up')
})

test('a list that says what may be had allows whatever it warms', () => {
  let allowed = 0
  const naming: Naming = (name) => canonicalNamed(name, addressing)
  fc.assert(
    fc.property(listTexts, fc.array(tags, { maxLength: 12 }), (list, listed) => {
      const parsed = parseList({ name: 'list', text: list })
      const rules = new ListRules(parsed, naming)
      const access = atOnce(creatingAccess({ allow: parsed, block: undefined }, naming))
      for (const entry of parsed.entries) {
        const repository = repositoryNamed(rules.unaliased(entry.name), addressing)
        if (repository === undefined) continue
        const found = { listed: [...listed, 'latest'], used: [] }
        for (const { tag: each } of selectTags(entry, found, rules.of(repository)).chosen) {
          assert.equal(access.verdict(repository, each), 'allowed', `${entry.text} ${each}`)
          allowed += 1
        }
      }
    }),
    { seed, numRuns: campaign(300) },
  )
  assert.ok(allowed > 0, `${allowed} images were allowed`)
})

// What the lines themselves name, or nearly: anything at all seldom meets one.
function named({ allow, not, block }: Given): { name: string; tag: string | null }[] {
  const names = [...(allow ?? []), ...not, ...block].map(({ name }) => name.replaceAll('*', 'a'))
  return names.flatMap((name) => ['1.2-a', '2', null].map((tag) => ({ name, tag })))
}

function text({ name, tags }: Line): string {
  return tags.length === 0 ? name : `${name}:${tags.join(',')}`
}

function parsed(lines: readonly string[]) {
  const list = parseList({ name: 'list', text: lines.join('\n') })
  assert.deepEqual(list.problems, [])
  return list
}

type Given = typeof lists extends fc.Arbitrary<infer T> ? T : never

function slowly(
  { allow, not, block }: Given,
  { name, tag: asked }: { readonly name: string; readonly tag: string | null },
): Verdict {
  const against = [...(allow === null ? [] : not), ...block].filter((line) => isUnder(name, line))
  if (against.some(({ tags }) => tags.length === 0)) return 'blocked'
  if (asked !== null && against.some((line) => meansTag(line, asked))) return 'blocked-tag'
  if (allow === null) return 'allowed'
  const listed = allow.filter((line) => isUnder(name, line))
  if (listed.length === 0) return 'unlisted'
  if (asked === null || listed.some((line) => meansTag(line, asked))) return 'allowed'
  return 'unlisted-tag'
}

function meansTag({ tags }: Line, asked: string): boolean {
  return tags.length === 0 || tags.some((each) => isLike(Array.from(each), Array.from(asked)))
}

function isUnder(name: string, line: Line): boolean {
  return isPathLike(line.name.split('/'), name.split('/'))
}

function isPathLike([first, ...rest]: readonly string[], path: readonly string[]): boolean {
  if (first === undefined) return path.length === 0
  const [component, ...below] = path
  if (first === '**') {
    if (rest.length === 0) return path.length > 0
    return (
      isPathLike(rest, path) || (component !== undefined && isPathLike([first, ...rest], below))
    )
  }
  if (component === undefined || !isLike(Array.from(first), Array.from(component))) return false
  return isPathLike(rest, below)
}

function isLike([sign, ...rest]: readonly string[], letters: readonly string[]): boolean {
  if (sign === undefined) return letters.length === 0
  const [letter, ...more] = letters
  if (sign === '*')
    return isLike(rest, letters) || (letter !== undefined && isLike([sign, ...rest], more))
  return letter === sign && isLike(rest, more)
}
