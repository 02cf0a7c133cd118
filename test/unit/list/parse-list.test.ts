import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { ListEntry, Selector } from '../../../src/list/list-entry.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { campaign, seed } from '../../support/seed.ts'

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`

const parse = (text: string) => parseList({ name: 'mirror.txt', text })

function only(line: string): ListEntry {
  const { entries, problems } = parse(line)
  assert.deepEqual(problems, [], line)
  const [entry, ...more] = entries
  assert.ok(entry && more.length === 0, line)
  return entry
}

const shown = (selector: Selector): string =>
  selector.kind === 'tag'
    ? selector.tag + (selector.digest === undefined ? '' : `@${selector.digest}`)
    : selector.kind === 'digest'
      ? `@${selector.digest}`
      : `${selector.kind} ${selector.pattern}`

const meant = (line: string): readonly string[] => {
  const { name, selectors } = only(line)
  return [name, ...selectors.map(shown)]
}

suite('what a line means', () => {
  const lines: readonly (readonly [string, ...string[]])[] = [
    ['nginx', 'nginx'],
    ['docker.io/library/nginx', 'docker.io/library/nginx'],
    ['nginx:1.25', 'nginx', '1.25'],
    ['postgres:15,16,16-alpine', 'postgres', '15', '16', '16-alpine'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/app:1', 'localhost:5000/app', '1'],
    ['[::1]:5000/team/app:1', '[::1]:5000/team/app', '1'],
    ['10.0.0.5:5000/team/app', '10.0.0.5:5000/team/app'],
    [`ghcr.io/org/app@${SHA256}`, 'ghcr.io/org/app', `@${SHA256}`],
    [`ghcr.io/org/app@${SHA512}`, 'ghcr.io/org/app', `@${SHA512}`],
    [`nginx:1.25@${SHA256}`, 'nginx', `1.25@${SHA256}`],
    ['docker://quay.io/org/app:1', 'quay.io/org/app', '1'],
    [`docker://nginx:1.25@${SHA256}`, 'nginx', `1.25@${SHA256}`],
    ['HTTPS://ghcr.io/org/app', 'ghcr.io/org/app'],
    ['redis:7.*', 'redis', 'glob 7.*'],
    ['redis:*', 'redis', 'glob *'],
    ['redis:7.{1,2}-alpine,6', 'redis', 'glob 7.{1,2}-alpine', '6'],
    ['redis:[67].?,8{,-alpine}', 'redis', 'glob [67].?', 'glob 8{,-alpine}'],
    ['redis:[!0-5]*', 'redis', 'glob [!0-5]*'],
    ['kindest/node:^v1\\.3[01]\\.', 'kindest/node', 'regex ^v1\\.3[01]\\.'],
    ['kindest/node:^a/b,c@d:e#f$', 'kindest/node', 'regex ^a/b,c@d:e#f$'],
    ['kindest/node:/v1\\.3/', 'kindest/node', 'regex v1\\.3'],
    ['kindest/node:/a/b/', 'kindest/node', 'regex a/b'],
    ['redis:[,{],7', 'redis', 'glob [,{]', '7'],
    ['ghcr.io/org/*', 'ghcr.io/org/*'],
    ['quay.io/**', 'quay.io/**'],
    ['docker.io/pre-*', 'docker.io/pre-*'],
    ['bitnami/*', 'bitnami/*'],
    ['GHCR.io/org/app', 'GHCR.io/org/app'],
    ['Localhost/app', 'Localhost/app'],
    ['docker newest=3 keep=pin', 'docker'],
    ['docker optional', 'docker'],
  ]
  for (const [line, ...expected] of lines) {
    test(line, () => assert.deepEqual(meant(line), expected))
  }
})

suite('what stands around the images', () => {
  test('blank lines and comments are no images, and lines are counted all the same', () => {
    const text = '# office\n\n   \t\nnginx\n\t# more\nredis # why\nbusybox:1#.2\n'
    const { entries, problems } = parse(text)
    assert.deepEqual(
      entries.map(({ place, text: line }) => [place.line, line]),
      [
        [4, 'nginx'],
        [6, 'redis # why'],
      ],
    )
    assert.deepEqual(
      problems.map(({ line, column }) => [line, column]),
      [[7, 10]],
    )
  })

  test('a byte order mark, CRLF and a last line without an end change nothing', () => {
    const { entries, problems } = parse('\uFEFFnginx:1\r\n\r\nredis:7\r\nghcr.io/org/app')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      entries.map(({ name, text, place }) => [name, text, place.line]),
      [
        ['nginx', 'nginx:1', 1],
        ['redis', 'redis:7', 3],
        ['ghcr.io/org/app', 'ghcr.io/org/app', 4],
      ],
    )
  })

  test('every place names the source that it stands in', () => {
    const { entries, problems } = parseList({ name: 'lists/a.txt', text: 'nginx\n:1' })
    assert.equal(entries[0]?.place.source, 'lists/a.txt')
    assert.equal(problems[0]?.source, 'lists/a.txt')
  })
})

suite('what cannot be understood is told with its column and what to write instead', () => {
  const mistakes: readonly (readonly [string, number, RegExp])[] = [
    // What stands in lists that people keep and in questions that they ask.
    ['docker.io/kindest/node^v1\\.2', 23, /":" is missing .*"docker\.io\/kindest\/node:\^v1/],
    [':^v1', 1, /no repository before the ":"/],
    [`@${SHA256}`, 1, /no repository before the "@"/],
    ['nginx:latest:latest', 13, /second ":"/],
    ['a:b:c', 4, /second ":"/],
    ['http://10.0.0.5:5000/app', 1, /--registry 10\.0\.0\.5:5000=http:\/\/10\.0\.0\.5:5000/],
    ['oci://ghcr.io/org/app', 1, /"oci:\/\/" is not understood: .*"ghcr\.io\/org\/app"/],
    ['hub.docker.com/r/grafana/loki/tags', 1, /web page: write grafana\/loki$/],
    ['https://hub.docker.com/_/nginx?tab=tags', 1, /web page: write nginx$/],
    ['https://quay.io/repository/org/app', 1, /write quay\.io\/org\/app/],
    ['https://github.com/org/app', 1, /web page/],
    ['docker pull nginx:1.25', 1, /command: .*"nginx:1\.25"/],
    ['FROM nginx', 1, /command: .*"nginx"/],
    ['- nginx:1.25', 1, /another file: .*"nginx:1\.25"/],
    ['image: nginx', 1, /another file: .*"nginx"/],
    ['// office', 1, /comment begins with "#"/],
    ['; office', 1, /comment begins with "#"/],
    ['nginx:1.25#why', 11, /comment begins with a blank/],
    ['nginx 1.25', 7, /did you mean "nginx:1\.25"/],
    ['nginx :1.25', 7, /write "nginx:1\.25"/],
    ['nginx: 1.25', 8, /write "nginx:1\.25"/],
    ['nginx:1.24, 1.25', 13, /no blanks/],
    ['nginx redis:7', 7, /on its own line/],
    ['nginx busybox', 7, /put "busybox" on its own line, or a "#" before a comment$/],
    ['nginx optionel', 7, /did you mean optional/],
    ['nginx,busybox', 6, /put each on its own line$/],
    ['🐳', 1, /cannot hold "🐳"/],
    ['localhost:5000', 1, /"localhost:5000" is a registry: .* as in localhost:5000\/org\/app$/],
    ['@include a://x', 10, /fetch this one first/],
    ['"nginx:1.25"', 1, /without quotes/],
    ['nginx:1.25\u00A0# no-break', 11, /U\+00A0/],
    ['nginx\u200B:1', 6, /U\+200B/],
    ['ngi\u0000nx', 4, /U\+0000/],
    // Names.
    ['Nginx', 1, /lower case: write "nginx"$/],
    ['ghcr.io/Org/App:V1', 9, /write "ghcr\.io\/org\/app:V1"$/],
    ['ghcr.io', 1, /is a registry: name a repository/],
    ['ghcr.io/org/', 13, /missing behind/],
    ['/org/app', 1, /missing before/],
    ['ghcr.io/org//app', 13, /missing before/],
    ['ghcr.io/*/app', 9, /"\*" stands at the end of a name/],
    ['ghcr.io/org/*app', 13, /"\*" stands at the end of a name/],
    ['ghcr.io/org/app**', 16, /"\*\*" stands alone/],
    ['ghcr.io/org/App*', 13, /lower case/],
    ['*', 1, /registry is missing before the "\*": write docker\.io\/\*/],
    ['*.gcr.io/app', 1, /not the host of a registry/],
    ['ghcr.io/org/*:1', 14, /means many repositories/],
    [`ghcr.io/org/*@${SHA256}`, 14, /means many repositories/],
    ['ghcr.io/org/app?', 16, /name each repository on its own line/],
    ['org\\app', 4, /not "\\"/],
    ['org/a_-b', 1, /is not a repository's name/],
    ['org/a~b', 6, /cannot hold "~"/],
    ['-bad.host-/org/app', 1, /not the host of a registry/],
    [`ghcr.io/${'a'.repeat(256)}`, 9, /at most 255 characters: this one has 256/],
    ['__proto__', 1, /is not a repository's name/],
    // Tags.
    ['docker://docker://nginx/', 17, /a tag stands behind the ":"/],
    ['nginx:', 7, /no tag behind/],
    ['nginx:1,,2', 9, /missing beside the ","/],
    ['nginx:1,', 9, /missing beside the ","/],
    ['nginx:,1', 7, /missing beside the ","/],
    ['nginx:.1', 7, /begins with a letter/],
    ['nginx:a+b', 8, /cannot hold "\+"; a regular expression begins/],
    ['nginx:a/b', 8, /cannot hold "\/"/],
    ['nginx:1,^2', 9, /stands alone/],
    [`nginx:${'a'.repeat(129)}`, 7, /at most 128 characters: this one has 129/],
    ['nginx:{1,2', 7, /"\{" that begins here/],
    ['nginx:1}', 8, /"\}" that stands here/],
    ['nginx:[1', 7, /"\[" that begins here/],
    ['nginx:1]', 8, /"\]" that stands here/],
    ['nginx:[z-a]', 7, /not a pattern of tags/],
    [`nginx:${'a'.repeat(256)}*`, 7, /at most 256 characters: this one has 257/],
    ['nginx:^', 7, /is empty: write \*/],
    ['nginx:/', 7, /no "\/" at its end/],
    ['nginx:/1', 7, /no "\/" at its end/],
    ['nginx:/1/i', 10, /nothing may follow/],
    ['nginx:^v(1', 7, /RE2 reads it: missing closing \)/],
    ['nginx:/(?=1)/', 8, /RE2 reads it/],
    [`nginx:^${'a'.repeat(256)}`, 7, /at most 256/],
    ['nginx:^1{1000}2{1000}', 7, /repeats too much/],
    // Nothing is left of it once it is compiled, which takes all the longer.
    ['nginx:^1{500}2?(?:3{13}){0}', 7, /repeats too much/],
    // Digests.
    ['nginx@latest', 7, /stands a digest/],
    ['nginx@', 7, /stands a digest/],
    ['nginx@sha256:abc', 14, /64 hex digits: this one has 3/],
    [`nginx@sha256:${'0'.repeat(63)}x`, 77, /"x" is not a hex digit/],
    [`nginx@${SHA256.toUpperCase()}`, 7, /lower case/],
    [`nginx@md5:${'0'.repeat(32)}`, 7, /stands a digest/],
    [`nginx:1,2@${SHA256}`, 10, /one tag or none/],
    [`nginx:1*@${SHA256}`, 9, /one tag or none/],
    [`nginx:${SHA256}`, 13, /behind "@"/],
    ['x'.repeat(8193), 8193, /at most 8192 characters: this one has 8193/],
  ]
  for (const [line, column, message] of mistakes) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      const { entries, problems } = parse(`# first\n${line}`)
      assert.deepEqual(entries, [])
      assert.deepEqual(
        problems.map((each) => [each.line, each.column]),
        [[2, column]],
        problems[0]?.message,
      )
      assert.match(problems[0]?.message ?? '', message)
    })
  }

  test('a mistake in the image hides none in the options', () => {
    const { problems } = parse('Nginx platform=linux/amd64 optional=1')
    assert.deepEqual(
      problems.map(({ column }) => column),
      [1, 7, 28],
    )
  })

  test('columns count characters, not the parts of one', () => {
    assert.equal(parse('nginx 🐳=1').problems[0]?.column, 7)
    assert.equal(parse('nginx platforms="🐳" 🐳').problems[1]?.column, 21)
  })

  test('a password in an address is not repeated', () => {
    for (const scheme of ['https', 'docker', 'http']) {
      const [problem] = parse(`${scheme}://robot:hunter2@ghcr.io/org/app`).problems
      assert.match(problem?.message ?? '', /login/)
      assert.doesNotMatch(problem?.message ?? '', /hunter2|robot/)
    }
    for (const line of [
      'robot:hunter2@ghcr.io/org/app',
      'docker pull https://robot:hunter2@ghcr.io/org/app',
      'nginx https://robot:hunter2@ghcr.io/org/app',
      '- docker://robot:hunter2@ghcr.io/org/app',
      '@include https://robot:hunter2@lists.lan/base.txt',
    ]) {
      assert.doesNotMatch(JSON.stringify(parse(line).problems), /hunter2/, line)
    }
  })
})

suite('whatever is written by the grammar', () => {
  const runs = (usual: number) => ({ seed, numRuns: campaign(usual) })
  const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,4})?$/)
  const name = fc
    .tuple(
      fc.constantFrom('', 'ghcr.io/', 'localhost:5000/', '[::1]:80/'),
      fc.stringMatching(/^[a-z0-9]{1,8}$/),
      fc.array(component, { maxLength: 3 }),
    )
    .map(([host, first, more]) => host + [first, ...more].join('/'))
  const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/)
  const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`)
  const glob = fc.tuple(tag, tag).map(([one, other]) => `${one}{*,?,[0-9${one[0] ?? ''}]}${other}`)
  const suffix = fc.oneof(
    fc
      .array(
        fc.oneof(
          tag.map((each) => [each, each]),
          glob.map((each) => [each, `glob ${each}`]),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((items) => ({
        text: `:${items.map(([typed]) => typed).join(',')}`,
        selectors: items.map(([, selector]) => selector),
      })),
    digest.map((each) => ({ text: `@${each}`, selectors: [`@${each}`] })),
    fc.tuple(tag, digest).map(([one, other]) => ({
      text: `:${one}@${other}`,
      selectors: [`${one}@${other}`],
    })),
    tag.map((each) => {
      const pattern = `^${each.replaceAll('.', '\\.')}(?:-[a-z]+)?$`
      return { text: `:${pattern}`, selectors: [`regex ${pattern}`] }
    }),
    fc.constant({ text: '', selectors: [] }),
  )

  test('is read as it was meant', () => {
    const blank = fc.constantFrom(' ', '\t', '   ')
    fc.assert(
      fc.property(name, suffix, blank, fc.boolean(), (repository, tags, gap, isOptional) => {
        const options = isOptional ? `${gap}optional` : ''
        const line = `${gap}${repository}${tags.text}${options}${gap}# why`
        assert.deepEqual(meant(line), [repository, ...tags.selectors])
        assert.equal(only(line).options.isOptional ?? false, isOptional)
        // Read again without what is around it, it is the same.
        assert.deepEqual(meant(repository + tags.text), meant(line))
      }),
      runs(300),
    )
  })
})

suite('all that lists of public mirrors ever held', () => {
  test('bare names, globs, regular expressions and tags are understood', () => {
    assert.deepEqual(meant('nvcr.io/nvidia/mellanox/doca-driver:24.04.*'), [
      ...['nvcr.io/nvidia/mellanox/doca-driver', 'glob 24.04.*'],
    ])
    const regex = '^([a-z]+-)?[a-z]*[0-9]+(\\.[0-9]+){1,2}$'
    assert.deepEqual(meant(`gcr.io/a/b.dev/c/d:${regex}`), ['gcr.io/a/b.dev/c/d', `regex ${regex}`])
    assert.deepEqual(meant('docker.io/library/adminer:^(4|v?5)\\.\\d*$'), [
      ...['docker.io/library/adminer', 'regex ^(4|v?5)\\.\\d*$'],
    ])
    assert.deepEqual(meant('docker.io/library/adminer:latest'), [
      ...['docker.io/library/adminer', 'latest'],
    ])
    assert.deepEqual(meant('k8s.gcr.io/pause '), ['k8s.gcr.io/pause'])
  })

  test('a lost colon and a lost name are told apart', () => {
    const [lostColon, lostName] = parse('docker.io/library/adminer^(4|5)\n:^4').problems
    assert.deepEqual(
      [lostColon?.column, lostColon?.instead],
      [...[26, 'docker.io/library/adminer:^(4|5)']],
    )
    assert.deepEqual([lostName?.column, lostName?.instead], [1, undefined])
    assert.match(lostName?.message ?? '', /no repository before the ":"/)
  })
})

const CORPUS = path.resolve(import.meta.dirname, '../../../../shared/data/mirror.txt')

test('a list that thousands use is read without a question', (t) => {
  if (!existsSync(CORPUS)) return t.skip('the list is not beside this tree')
  const text = readFileSync(CORPUS, 'utf8')
  const { entries, problems } = parse(text)
  assert.deepEqual(problems, [])
  assert.equal(entries.length, text.split('\n').filter((line) => line.trim() !== '').length)
})
