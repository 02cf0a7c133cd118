import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { EntryOptions } from '../../../src/list/list-entry.ts'
import { parseList } from '../../../src/list/parse-list.ts'

const parse = (text: string) => parseList({ name: 'mirror.txt', text })
const HOUR = 3_600_000
const DAY = 24 * HOUR

suite('what options mean', () => {
  const meanings: readonly (readonly [string, EntryOptions])[] = [
    ['nginx', {}],
    ['nginx\toptional  # may be gone', { isOptional: true }],
    ['nginx platforms=linux/amd64,Linux/ARM/v7', { platforms: ['linux/amd64', 'linux/arm/v7'] }],
    ['nginx platforms="linux/amd64,linux/amd64"', { platforms: ['linux/amd64'] }],
    ['nginx platforms=all', { platforms: ['all'] }],
    ['nginx platforms=host,linux/arm64', { platforms: ['host', 'linux/arm64'] }],
    ['nginx newest=3', { newest: 3 }],
    ['nginx semver=">=1.24 <2"', { semver: '>=1.24 <2' }],
    ['nginx semver=>=1.24,<2', { semver: '>=1.24 <2' }],
    ['nginx semver="~1.2 || ^3"', { semver: '~1.2 || ^3' }],
    ['nginx variant=alpine3.20-perl', { variant: 'alpine3.20-perl' }],
    ['nginx variant=""', { variant: '' }],
    ['nginx not=*-rc*', { not: ['*-rc*'] }],
    ['nginx not=*-rc*,{a,b}*,1.2 not=[,]x', { not: ['*-rc*', '{a,b}*', '1.2', '[,]x'] }],
    ['nginx used=30d', { usedMs: 30 * DAY }],
    ['nginx:1 used=0', { usedMs: 0 }],
    ['nginx:* min=2 max=70', { min: 2, max: 70 }],
    ['nginx every=24h', { every: DAY }],
    ['nginx every=always', { every: 'always' }],
    ['nginx every=never', { every: 'never' }],
    ['nginx keep=14d', { keep: 14 * DAY }],
    ['nginx keep=pin', { keep: 'pin' }],
    ['nginx priority=high', { priority: 'high' }],
    ['nginx max-size=20GB', { maxSizeBytes: 20_000_000_000 }],
    ['nginx referrers=yes', { referrers: 'yes' }],
    ['nginx referrers=no', { referrers: 'no' }],
    [
      'nginx referrers=application/spdx+json,application/spdx+json,a/b',
      {
        ...{ referrers: ['application/spdx+json', 'a/b'] },
      },
    ],
    ['nginx bare=latest+used', { bare: 'latest+used' }],
    ['nginx bare=daocloud', { bare: 'daocloud' }],
    [
      'quay.io/org/** used=7d not=*-rc* max=5 platforms=all',
      {
        ...{ usedMs: 7 * DAY, not: ['*-rc*'], max: 5, platforms: ['all'] },
      },
    ],
  ]
  for (const [line, options] of meanings) {
    test(line, () => {
      const { entries, problems } = parse(line)
      assert.deepEqual(problems, [])
      assert.deepEqual(entries[0]?.options, options)
      assert.deepEqual(entries[0]?.ownOptions, options)
    })
  }
})

suite('what is wrong with an option is told with its column', () => {
  const mistakes: readonly (readonly [string, number, RegExp])[] = [
    ['nginx platform=linux/amd64', 7, /did you mean platforms\?/],
    ['nginx optoinal', 7, /did you mean optional\?/],
    ['nginx constructor=2', 7, /"constructor" is not an option: write bare, newest, .*max-size/],
    ['nginx optional=yes', 7, /takes no value/],
    ['nginx optional optional', 16, /given twice in this line: write it once/],
    ['nginx newest=1 newest=2', 16, /newest is given twice/],
    ['nginx platforms', 7, /needs a value/],
    ['nginx platforms=', 7, /needs a value/],
    ['nginx variant=', 7, /needs a value: .* variant="" for versions without one/],
    ['nginx platforms="linux/amd64', 17, /quote .* has no end/],
    ['nginx semver="1"2"', 16, /no quote may stand within a value/],
    ['nginx platforms=linux/amd64,', 29, /platform is missing/],
    ['nginx platforms=linux/amd64,linux/arm46', 29, /did you mean arm64\?/],
    ['nginx platforms=linus/amd64', 17, /did you mean linux\?/],
    ['nginx platforms=linux/x86_64', 17, /did you mean amd64\?/],
    ['nginx platforms=aarch64', 17, /such as linux\/arm64/],
    ['nginx platforms=constructor', 17, /is not a platform/],
    ['nginx platforms=linux/arm/v7/x', 17, /os\/architecture/],
    ['nginx platforms=linux/arm/', 17, /variant/],
    ['nginx platforms=all,linux/amd64', 17, /name no others/],
    ['nginx newest=0', 14, /"0" is not a whole number from 1 on, as in newest=3/],
    ['nginx newest=1.5', 14, /not a whole number/],
    ['nginx min=-1', 11, /not a whole number/],
    ['nginx max=1e3', 11, /not a whole number/],
    ['nginx max=9999999999', 11, /not a whole number/],
    ['nginx min=3 max=2', 7, /leave no number of tags/],
    ['nginx semver=newest', 14, /not a range, as in semver/],
    ['nginx semver=" "', 15, /not a range/],
    [`nginx semver=${'1'.repeat(257)}`, 14, /at most 256 characters: this one has 257/],
    ['nginx variant=-alpine', 15, /without the dash before it: alpine/],
    ['nginx variant=alp*', 15, /patterns stand behind the ":"/],
    ['nginx not=^1', 11, /not a regex/],
    ['nginx not=""', 12, /a tag is missing here/],
    ['nginx not=1,', 13, /missing beside the ","/],
    ['nginx not=[1', 11, /"\[" that begins here/],
    [`nginx:1 not=a${',a'.repeat(511)} not=b`, 1041, /at most 512 globs/],
    ['nginx used=30', 12, /not a duration with its unit, as in used=30d/],
    ['nginx used=-1d', 12, /not a duration/],
    ['nginx every=daily', 13, /as in every=24h, and neither always nor never/],
    ['nginx keep=forever', 12, /as in keep=14d, and not pin/],
    ['nginx priority=urgent', 16, /not a value of priority=: write high, normal, low/],
    ['nginx priority=hihg', 16, /did you mean high\?/],
    ['nginx max-size=20', 16, /not a size with its unit, as in max-size=20GB/],
    ['nginx max-size=0GB', 16, /not a size/],
    ['nginx referrers=sbom', 17, /not the type of an artifact/],
    ['nginx referrers=a/b,yes', 21, /not the type of an artifact/],
    ['nginx bare=some', 12, /not a value of bare=/],
    // What makes no sense on its line.
    ['nginx:1.25 bare=latest', 12, /bare= tells what a line without tags means/],
    ['nginx:1.25 newest=2', 12, /this line names its tags itself/],
    [`nginx@sha256:${'0'.repeat(64)} semver=1`, 79, /this line names its tags itself/],
    ['nginx:1,2 min=2', 11, /this line names its tags itself/],
    ['nginx:1,2 optional variant=alpine', 20, /this line names its tags itself/],
    ['nginx newest=2 bare=latest', 16, /write one of them/],
    ['quay.io/org/* optional min=1', 24, /for lines of one repository/],
    ['quay.io/org/* bare=used', 15, /for lines of one repository/],
  ]
  for (const [line, column, message] of mistakes) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      const { entries, problems } = parse(line)
      assert.deepEqual(entries, [])
      assert.deepEqual(
        problems.map((problem) => problem.column),
        [column],
        problems[0]?.message,
      )
      assert.match(problems[0]?.message ?? '', message)
    })
  }

  test('of a line of prose no more than eight words are explained', () => {
    assert.equal(parse(`nginx ${'word=1 '.repeat(1000)}`).problems.length, 8)
  })
})

suite('@defaults', () => {
  const effective = (text: string): readonly EntryOptions[] =>
    parse(text).entries.map(({ options }) => options)

  test('hold from their line down, and a line of its own options goes before them', () => {
    const text =
      'a\n@defaults newest=3 platforms=all\nb\nc newest=1\n@defaults newest=5 keep=pin\nd'
    assert.deepEqual(effective(text), [
      {},
      { newest: 3, platforms: ['all'] },
      { newest: 1, platforms: ['all'] },
      { newest: 5, platforms: ['all'], keep: 'pin' },
    ])
    const [, , own] = parse(text).entries
    assert.deepEqual(own?.ownOptions, { newest: 1 })
  })

  test('are passed over where they make no sense', () => {
    const defaults =
      '@defaults newest=3 semver=1 variant="" min=2 max=9 used=1d\n@defaults bare=used'
    const lines = ['a', 'a:1', 'a:1.*', 'quay.io/a/*', 'a bare=latest', 'a max=1', 'a semver=2']
    const choosing = { newest: 3, semver: '1', variant: '' }
    const numbers = { min: 2, max: 9 }
    assert.deepEqual(effective([defaults, ...lines].join('\n')), [
      { ...choosing, ...numbers, usedMs: DAY },
      { max: 9, usedMs: DAY },
      { ...choosing, ...numbers, usedMs: DAY },
      { max: 9, usedMs: DAY },
      { bare: 'latest', ...numbers, usedMs: DAY },
      { ...choosing, max: 1, usedMs: DAY },
      { ...choosing, semver: '2', ...numbers, usedMs: DAY },
    ])
  })

  test('of an included file end with it, and those above hold in it', () => {
    const included = { name: 'base.txt', text: 'b\n@defaults keep=pin max=7\nc\n' }
    const { entries, problems } = parseList({
      name: 'mirror.txt',
      text: '@defaults max=5\na\n@include base.txt\nd',
      includes: [{ line: 3, list: included }],
    })
    assert.deepEqual(problems, [])
    assert.deepEqual(
      entries.map(({ name, place, options }) => [name, place.source, place.line, options]),
      [
        ['a', 'mirror.txt', 2, { max: 5 }],
        ['b', 'base.txt', 1, { max: 5 }],
        ['c', 'base.txt', 3, { max: 7, keep: 'pin' }],
        ['d', 'mirror.txt', 4, { max: 5 }],
      ],
    )
  })
})
