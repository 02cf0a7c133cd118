import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { creatingAccess } from '../../../src/list/access.ts'
import type { ListText } from '../../../src/list/list-entry.ts'
import { lintList } from '../../../src/list/lint.ts'
import type { Finding, LintFacts } from '../../../src/list/lint.ts'
import { mendList } from '../../../src/list/mend.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { atOnce } from '../../../src/list/steps.ts'
import { naming } from '../../support/naming.ts'

const facts: LintFacts = { naming: naming(), access: undefined }

function lint(text: string, more: Partial<LintFacts> = {}): readonly Finding[] {
  return lintList(parseList({ name: 'list', text }), { ...facts, ...more })
}

function found(lines: readonly string[], ...expected: readonly (readonly [string, RegExp])[]) {
  const findings = lint(lines.join('\n'))
  const told = findings.map(({ line, column, message }) => `${line}:${column} ${message}`)
  assert.deepEqual(
    findings.map(({ line, column }) => `${line}:${column}`),
    expected.map(([place]) => place),
    told.join('\n'),
  )
  expected.forEach(([, sentence], index) => assert.match(told[index] ?? '', sentence))
}

suite('what lint finds', () => {
  test('nothing in a list that is well kept', () => {
    found([
      '# office',
      '@exclude *-rc*',
      '@registry docker.io reserve=20',
      'docker.io/library/nginx:1.25,1.26',
      'docker.io/library/nginx:1.* newest=2',
      'nginx:1.25 platforms=linux/arm64',
      'redis',
      'ghcr.io/org/*',
      'ghcr.io/org/app:1',
      '!docker.io/library/redis:*-windows*',
    ])
  })

  test('what the parser refuses, with the line that was meant', () => {
    found(['docker pull nginx', 'a:b:c'], ['1:1', /command/], ['2:4', /second ":"/])
    assert.equal(lint('docker pull nginx:1 # x')[0]?.instead, 'nginx:1 # x')
  })

  test('other names of a registry', () => {
    found(
      ['k8s.gcr.io/pause:3.9', '  registry-1.docker.io/library/nginx optional # x', 'nginx'],
      ['1:1', /k8s\.gcr\.io is another name of registry\.k8s\.io: write registry\.k8s\.io\/pause$/],
      ['2:3', /write docker\.io\/library\/nginx$/],
    )
    const [, second] = lint(
      'k8s.gcr.io/a\n  registry-1.docker.io/b:1  optional # registry-1.docker.io/b',
    )
    assert.equal(second?.instead, '  docker.io/library/b:1  optional # registry-1.docker.io/b')
  })

  test('names that the list itself gives a registry have their reasons', () => {
    found(['@registry docker.io alias=hub.lan', 'hub.lan/library/nginx:1'])
    found(['@registry quay.io alias=k8s.gcr.io', 'k8s.gcr.io/pause:5'])
    found(
      ['@registry docker.io alias=quay.io', 'nginx', 'registry-1.docker.io/library/nginx:1'],
      ['3:1', /write docker\.io\/library\/nginx$/],
    )
    const rule = '@registry quay.io alias=docker.io'
    found([rule, 'docker.io/a/b', 'registry-1.docker.io/library/nginx:1'])
  })

  test('registries that are not served, and rules for those of no line', () => {
    found(
      ['@registry quay.io jobs=2', '@registry other.lan jobs=2', 'nginx', 'other.lan/app'],
      ['1:11', /no line of the list is of quay\.io/],
      ['2:11', /does not serve the registry "other\.lan"/],
      ['4:1', /does not serve the registry "other\.lan"/],
    )
  })

  test('lines that mean the same, however they are written', () => {
    found(
      [
        'nginx:1.25,1.26 platforms=linux/arm64,linux/amd64 optional',
        'redis',
        'docker.io/library/nginx:1.26,1.25   optional platforms=linux/amd64,linux/arm64',
        'docker.io/redis # again',
        '@defaults optional',
        'redis',
      ],
      ['3:1', /line 1 \(nginx:1\.25,1\.26 .*\) means the same/],
      ['4:1', /line 2 \(redis\) means the same/],
    )
  })

  test('tags that another line stands for as well', () => {
    found(
      [
        'nginx:1.25',
        'nginx:1.24,1.25',
        'redis:6.2-rc1',
        'redis:6.*',
        'postgres:latest',
        'postgres',
        '@exclude *-rc*',
      ],
      ['1:1', /line 2 \(nginx:1\.24,1\.25\) stands for this too/],
      ['5:1', /line 6 \(postgres\)/],
    )
  })

  test('what a pattern selects only while it does not match too many is not told to go', () => {
    found(
      [
        ...['redis:7.2', 'redis:/^7\\./', 'redis:8.2,8.3', 'redis:8.* max=200'],
        ...['a/b:1.2.3', 'a/b bare=daocloud', 'a/c:1,2', 'a/c:? max=1'],
      ],
      [
        '1:1',
        /line 2 \(redis:\/.*\) selects this too, as long as it selects no more than 50 tags$/,
      ],
      ['3:1', /line 4 .* no more than 200 tags$/],
      ['5:1', /line 6 .* selects this too, where upstream lists it$/],
    )
  })

  test('not where the other line treats them otherwise, or takes only some', () => {
    found([
      'a/b:1.25',
      'a/b:1.* newest=3',
      'a/b:1.2* platforms=all',
      'a/b:1.?5 not=1.25',
      'a/b:*5 optional',
      'a/c:1.25 used=7d',
      'a/c:1.*',
      `a/d:1@sha256:${'a'.repeat(64)}`,
      'a/d:*',
      `a/e:1@sha256:${'a'.repeat(64)}`,
      'a/e:1',
      'a/f:1',
      'a/f:1 used=7d',
      'a/g:latest',
      'a/g not=l*',
    ])
  })

  test('names with "*" below wider ones', () => {
    found(
      ['ghcr.io/org/*', 'ghcr.io/org/app bare=used', 'ghcr.io/**', 'quay.io/a/b-*', 'quay.io/a/*'],
      ['1:1', /line 3 \(ghcr\.io\/\*\*\)/],
      ['2:1', /line 1|line 3/],
      ['4:1', /line 5/],
    )
  })

  test('not where the wider one takes less of what was used', () => {
    found(['quay.io/x/*', 'quay.io/** used=1d'])
    found(['quay.io/x/*', 'quay.io/** not=*-rc*'])
    found(['quay.io/x/* max=60', 'quay.io/**'])
    found(['quay.io/x/* not=a*,b', 'quay.io/** not=b max=60'], ['1:1', /line 2/])
  })

  test('in a list of what may be had lines that a wider one rules', () => {
    const lines = [
      'nginx:1.25',
      'nginx platforms=all',
      'ghcr.io/org/app:1.*',
      'ghcr.io/org/**',
      'redis:7',
      'redis:7.*',
      'redis optional variant=alpine',
      'quay.io/a/b newest=2',
      'quay.io/a/b newest=3',
    ].join('\n')
    assert.deepEqual(lint(lines), [])
    assert.deepEqual(
      lint(lines, { ruling: 'allows' }).map(({ line, message }) => `${line} ${message}`),
      [
        '1 line 2 (nginx platforms=all) allows this too',
        '3 line 4 (ghcr.io/org/**) allows this too',
        '9 line 8 (quay.io/a/b newest=2) allows this too',
      ],
    )
  })

  test('a rule is not said to be for nothing where not every line is known', () => {
    found(['@registry quay.io jobs=2', '@include gone.txt'], ['2:1', /was not read/])
  })

  test('what "!" keeps from ever being fetched', () => {
    found(
      ['nginx:1.25,1.26', '!nginx:1.26', 'ghcr.io/bad/app', '!ghcr.io/bad/**', 'redis', '!redis:*'],
      ['1:1', /blocks 1\.26: no run fetches it/],
      ['3:1', /blocks every tag of ghcr\.io\/bad\/app/],
      ['5:1', /blocks every tag of redis/],
    )
  })

  test('what may not be had', () => {
    const list = (text: string) => parseList({ name: 'allow', text })
    const lists = { allow: list('docker.io/library/*\nquay.io/a/b:1.*\n'), block: list('redis:6') }
    const access = atOnce(creatingAccess(lists, naming()))
    const text = 'nginx\nquay.io/a/b:1.2,2.0\nquay.io/x/y\nredis:6,7\n'
    assert.deepEqual(
      lint(text, { access }).map(({ line, message }) => `${line} ${message}`),
      [
        '2 the list of --allow has no line for quay.io/a/b:2.0: no run fetches it',
        '3 the list of --allow has no line for quay.io/x/y: no run fetches it',
        '4 redis:6 is blocked by what --allow and --block say: no run fetches it',
      ],
    )
  })

  test('options that change nothing', () => {
    found(
      [
        `nginx@sha256:${'a'.repeat(64)} every=1h`,
        'redis:6,7 not=6* max=3',
        'redis:8 max=3 used=3d',
      ],
      ['1:79', /every= changes nothing/],
      ['2:11', /not= changes nothing/],
      ['2:18', /max= changes nothing/],
    )
  })

  test('very many lines of one repository take no longer than they should', () => {
    const lines = Array.from({ length: 20_000 }, (_, n) => `nginx:1.${n}${n % 2 ? '*' : ''}`)
    assert.equal(lint(lines.join('\n')).length, 0)
  })
})

suite('putting lists right', () => {
  const mended = (list: ListText) => mendList(list, lintList(parseList(list), facts))

  test('what has one remedy is written, what is said twice goes, and all else stays as it was', () => {
    const text =
      '\uFEFFdocker pull nginx\r\n# redis\nredis \n\ndocker.io/redis\nk8s.gcr.io/a/b\na:b:c\nredis:latest'
    const { list, lines } = mended({ name: 'list', text })
    assert.equal(
      list.text,
      '\uFEFFnginx\r\n# redis\nredis \n\nregistry.k8s.io/a/b\na:b:c\nredis:latest',
    )
    assert.deepEqual(lines, [
      { line: 1, before: 'docker pull nginx', after: 'nginx' },
      { line: 5, before: 'docker.io/redis', after: undefined },
      { line: 6, before: 'k8s.gcr.io/a/b', after: 'registry.k8s.io/a/b' },
    ])
  })

  test('comments of a line that goes come to the one that stays', () => {
    const text =
      '# for team A\nnginx\n\n# for team A\n# for team B\nnginx   # LTS, ask Bob\n\nbusybox\n'
    const { list } = mended({ name: 'list', text })
    assert.equal(list.text, '# for team A\n# for team B\n# LTS, ask Bob\nnginx\n\n\nbusybox\n')
  })

  test('a comment above several lines stays where the first of them goes', () => {
    const text = 'nginx:1\n\n# databases\nnginx:1  # LTS\nredis:7\npostgres:16\n'
    const { list } = mended({ name: 'list', text })
    assert.equal(list.text, '# LTS\nnginx:1\n\n# databases\nredis:7\npostgres:16\n')
    const apart = mended({
      name: 'list',
      text: 'nginx:1\n\n# web\nnginx:1\n# databases\nredis:7\n',
    })
    assert.equal(apart.list.text, '# web\nnginx:1\n\n# databases\nredis:7\n')
  })

  test('comments of a line that stays in another file stand for themselves', () => {
    const list = {
      name: 'list',
      text: '@include other\n# for team B\nnginx  # LTS\nbusybox\nnginx\n@include other2\n',
      includes: [
        { line: 1, list: { name: 'other', text: 'nginx\n' } },
        { line: 6, list: { name: 'other2', text: 'redis\n' } },
      ],
    }
    const next = mended(list).list
    assert.equal(next.text, '@include other\n# for team B\n# LTS\n\nbusybox\n@include other2\n')
    assert.deepEqual(
      next.includes?.map(({ line }) => line),
      [1, 6],
    )
  })

  test('what a list includes stays as it is, and in its place', () => {
    const included = { name: 'other', text: 'k8s.gcr.io/a/b\nredis\n' }
    const list = {
      name: 'list',
      text: 'nginx\nnginx\n@include other\nk8s.gcr.io/c/d\n',
      includes: [{ line: 3, list: included }],
    }
    const next = mended(list).list
    assert.equal(next.text, 'nginx\n@include other\nregistry.k8s.io/c/d\n')
    assert.deepEqual(next.includes, [{ line: 2, list: included }])
    assert.deepEqual(
      lintList(parseList(next), facts).map(({ source, line }) => [source, line]),
      [['other', 1]],
    )
  })
})
