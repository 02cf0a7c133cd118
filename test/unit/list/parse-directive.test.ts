import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseList } from '../../../src/list/parse-list.ts'

const parse = (text: string) => parseList({ name: 'mirror.txt', text })
const place = { source: 'mirror.txt', line: 1 }

suite('what directives and blocks mean', () => {
  test('@exclude takes globs and regular expressions', () => {
    const { excludes, problems } = parse(
      '@exclude *-rc*,*-{a,b} ^2019 /-g[0-9a-f]{7}/ nightly # why',
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(excludes, [
      { place, kind: 'glob', pattern: '*-rc*' },
      { place, kind: 'glob', pattern: '*-{a,b}' },
      { place, kind: 'regex', pattern: '^2019' },
      { place, kind: 'regex', pattern: '-g[0-9a-f]{7}' },
      { place, kind: 'glob', pattern: 'nightly' },
    ])
  })

  test('@registry takes what is said of one registry', () => {
    const text =
      '@registry docker.io reserve=0 jobs=2 rps=0.5 alias=hub.lan,localhost:5000 alias=hub.lan'
    const said = { host: 'docker.io', reserve: 0, jobs: 2, requestsPerSecond: 0.5 }
    assert.deepEqual(parse(text).registries, [
      { place, ...said, aliases: ['hub.lan', 'localhost:5000'] },
    ])
    assert.deepEqual(parse('@registry ghcr.io rps=5').registries, [
      { place, host: 'ghcr.io', requestsPerSecond: 5, aliases: [] },
    ])
  })

  test('@window is a part of the day, over midnight, too', () => {
    const windows = (text: string) => parse(text).windows
    assert.deepEqual(windows('@window 01:00-06:30 tz=Europe/Berlin'), [
      { place, from: 60, to: 390, timeZone: 'Europe/Berlin' },
    ])
    assert.deepEqual(windows('@window 22:00-6:00'), [
      { place, from: 1320, to: 360, timeZone: undefined },
    ])
    assert.deepEqual(windows('@window 18:00-24:00 tz="UTC"'), [
      { place, from: 1080, to: 0, timeZone: 'UTC' },
    ])
  })

  test('of several @bandwidth the smallest holds', () => {
    assert.equal(parse('nginx').bytesPerSecond, undefined)
    assert.equal(parse('@bandwidth 40MB/s').bytesPerSecond, 40_000_000)
    assert.equal(parse('@bandwidth 1MiB\n@bandwidth 40MB/s').bytesPerSecond, 1024 ** 2)
  })

  test('a block names repositories, with "*" anywhere, and a glob of tags', () => {
    const blocks = (line: string) => parse(line).blocks
    const shown = (line: string) => blocks(line).map(({ name, tags }) => [name, tags])
    assert.deepEqual(blocks('!nginx # no'), [
      { place, text: '!nginx # no', name: 'nginx', tags: undefined },
    ])
    assert.deepEqual(shown('!docker.io/library/*:*-windows*'), [
      ['docker.io/library/*', '*-windows*'],
    ])
    assert.deepEqual(shown('!ghcr.io/**/app-*'), [['ghcr.io/**/app-*', undefined]])
    assert.deepEqual(shown('!localhost:5000/app:1.25'), [['localhost:5000/app', '1.25']])
    assert.deepEqual(shown('!redis:{1,2}*'), [['redis', '{1,2}*']])
  })

  test('directives of included files are of the whole list, with their own places', () => {
    const base = { name: 'base.txt', text: '@exclude *-rc*\n!nginx\n@bandwidth 1MB\n:1' }
    const list = parseList({
      name: 'mirror.txt',
      text: 'redis\n@include base.txt\n@exclude a\n@bandwidth 2MB',
      includes: [{ line: 2, list: base }],
    })
    assert.deepEqual(
      list.excludes.map((each) => [each.place.source, each.place.line, each.pattern]),
      [
        ['base.txt', 1, '*-rc*'],
        ['mirror.txt', 3, 'a'],
      ],
    )
    assert.deepEqual(list.blocks[0]?.place, { source: 'base.txt', line: 2 })
    assert.equal(list.bytesPerSecond, 1_000_000)
    assert.deepEqual(
      list.problems.map(({ source, line }) => [source, line]),
      [['base.txt', 4]],
    )
  })
})

suite('what is wrong with a directive or a block is told with its column', () => {
  const mistakes: readonly (readonly [string, number, RegExp])[] = [
    ['@exlude *-rc*', 1, /"@exlude" is not a directive; did you mean @exclude\?/],
    ['@something', 1, /not a directive: write @defaults, @include, .*@bandwidth/],
    ['@', 1, /not a directive/],
    ['@constructor', 1, /not a directive/],
    ['@defaults', 1, /@defaults needs options/],
    ['@defaults nginx', 11, /"nginx" is not an option/],
    ['@defaults newest=0', 18, /not a whole number/],
    ['@defaults bare=latest newest=2', 11, /write one of them/],
    ['@defaults min=3 max=2', 11, /leave no number/],
    ['@include', 1, /@include needs a file/],
    ['@include ""', 1, /@include needs a file/],
    ['@include a b', 12, /one with blanks in double quotes/],
    ['@include https://lists.lan/base.txt', 10, /fetch this one first, then @include base\.txt/],
    ['@include "a"b"', 11, /no quote may stand in a file's name/],
    ['@include base.txt', 1, /"base\.txt" was not read/],
    ['@exclude', 1, /@exclude needs patterns/],
    ['@exclude a ^(', 12, /RE2/],
    ['@exclude a,^b', 12, /stands alone/],
    ['@exclude [a', 10, /"\[" that begins here/],
    ['@registry', 1, /@registry needs a host/],
    ['@registry docker.io', 1, /@registry needs a host and what to do/],
    [
      '@registry docker.io/library jobs=1',
      20,
      /the host of a registry stands alone here: "docker\.io"/,
    ],
    ['@registry docker jobs=1', 11, /"docker" is not the host of a registry/],
    ['@registry docker.io job=1', 21, /did you mean jobs\?/],
    ['@registry docker.io jobs=0', 26, /not a whole number from 1 on/],
    ['@registry docker.io reserve=-1', 29, /not a whole number from 0 on/],
    ['@registry docker.io rps=0', 25, /not a number of requests per second/],
    ['@registry docker.io alias=hub', 27, /"hub" is not the host/],
    ['@registry docker.io alias=a.lan,', 33, /not the host/],
    ['@window', 1, /@window needs its times/],
    ['@window 1-6', 9, /not a part of the day/],
    ['@window 01:00-24:30', 9, /not a part of the day/],
    ['@window 01:00-02:00-03:00', 9, /not a part of the day/],
    ['@window 00:00-24:00', 9, /begins when it ends/],
    ['@window 01:00-02:00 tz=+02:00', 24, /not a time zone/],
    ['@window 01:00-02:00 tz=Berlin', 24, /did you mean Europe\/Berlin\?/],
    ['@window 01:00-02:00 tz=Europe/Brelin', 24, /did you mean Europe\/Berlin\?/],
    ['@window 01:00-02:00 zone=UTC', 21, /"zone" is not known behind @window/],
    ['@bandwidth', 1, /@bandwidth needs how much/],
    ['@bandwidth 40', 12, /not bytes per second/],
    ['@bandwidth 40MB/h', 12, /not bytes per second/],
    ['@bandwidth 40MB/s 1', 19, /nothing follows/],
    ['!', 1, /follows the "!" at once/],
    ['! nginx', 1, /follows the "!" at once/],
    ['!nginx optional', 8, /nothing follows what is left out/],
    ['!:1', 2, /no repository before the ":"/],
    ['!nginx:1,2', 8, /write \{a,b\} for several/],
    ['!nginx:^1', 8, /not a regex/],
    ['!nginx:', 8, /no tag behind/],
    [`!nginx@sha256:${'0'.repeat(64)}`, 7, /digests cannot be left out/],
    ['!*', 2, /registry is missing/],
    ['!*.io/app', 2, /not the host/],
    ['!ghcr.io//*', 10, /a part of the name is missing/],
    ['!ghcr.io/org/Ab*', 14, /lower case/],
    ['!ghcr.io/org/a_-b/*', 14, /"a_-b" is not a part of a repository's name/],
    ['!Nginx', 2, /lower case/],
    [`!ghcr.io/${'a'.repeat(255)}*`, 10, /at most 255 characters: this one has 256/],
  ]
  for (const [line, column, message] of mistakes) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      const { problems } = parse(line)
      assert.deepEqual(
        problems.map((problem) => problem.column),
        [column],
        problems[0]?.message,
      )
      assert.match(problems[0]?.message ?? '', message)
    })
  }
})
