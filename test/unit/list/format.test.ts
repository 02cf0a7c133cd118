import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { formatList } from '../../../src/list/format.ts'
import { naming } from '../../support/naming.ts'

const REAL_LIST = '../shared/data/mirror.txt'

function formatted(...lines: readonly string[]): readonly string[] {
  return formattedText(lines.map((line) => `${line}\n`).join(''))
    .split('\n')
    .slice(0, -1)
}

function formattedText(text: string, registry?: string): string {
  const format = formatList({ name: 'list', text }, naming(registry))
  assert.ok('text' in format, JSON.stringify(format))
  return format.text
}

suite('the form of a list', () => {
  test('a plain list of names is sorted by its bytes, each name once, without empty lines', () => {
    const names = ['quay.io/a/b', 'docker.io/library/b', 'docker.io/library/b-a', 'docker.io/b/a']
    const lines = [
      ...names,
      '',
      'docker.io/library/b:1',
      'docker.io/library/b',
      '  ',
      'quay.io/a/b.c',
    ]
    const expected = [...new Set(lines.filter((line) => line.trim() !== ''))]
      .map((line) => Buffer.from(line))
      .sort(Buffer.compare)
      .map(String)
    assert.deepEqual(formatted(...lines), expected)
  })

  test(
    'a list that has been kept for years formats to itself',
    { skip: existsSync(REAL_LIST) ? false : `there is no ${REAL_LIST}` },
    () => {
      const text = readFileSync(REAL_LIST, 'utf8')
      assert.equal(formattedText(text), text)
    },
  )

  test('names are written in full', () => {
    assert.deepEqual(
      formatted(
        'nginx',
        'docker.io/redis:7',
        'registry-1.docker.io/library/alpine',
        'k8s.gcr.io/pause:3.9',
        'docker://GHCR.io/org/app',
        'registry.example.com/app',
        '!nginx:*-rc*',
      ),
      [
        '!docker.io/library/nginx:*-rc*',
        'docker.io/library/alpine',
        'docker.io/library/nginx',
        'docker.io/library/redis:7',
        'ghcr.io/org/app',
        'registry.example.com/app',
        'registry.k8s.io/pause:3.9',
      ],
    )
    assert.equal(formattedText('org/app\n', 'quay.io'), 'quay.io/org/app\n')
  })

  test('blanks, order of options and line ends have one form', () => {
    assert.equal(
      formattedText('\uFEFF \tdocker.io/library/b:2.*   variant=alpine   newest=2\t# why \r\n'),
      'docker.io/library/b:2.* newest=2 variant=alpine  # why\n',
    )
    assert.equal(formattedText(''), '')
    assert.equal(formattedText('\n \r\n'), '')
  })

  test('comments move with the line below them', () => {
    assert.deepEqual(
      formatted(
        'quay.io/a/b',
        '# of the shop',
        '# and of the office',
        'docker.io/a/b',
        'ghcr.io/a/b',
      ),
      ['', '# of the shop', '# and of the office', 'docker.io/a/b', 'ghcr.io/a/b', 'quay.io/a/b'],
    )
  })

  test('a heading begins a section, and nothing leaves its section', () => {
    assert.deepEqual(
      formatted(
        '# office mirror',
        'quay.io/z/z',
        'docker.io/a/a',
        '# databases',
        '',
        'quay.io/b/b',
        'docker.io/b/b',
        '# the last one',
      ),
      [
        '# office mirror',
        '',
        'docker.io/a/a',
        'quay.io/z/z',
        '',
        '# databases',
        '',
        'docker.io/b/b',
        'quay.io/b/b',
        '',
        '# the last one',
      ],
    )
  })

  test('where each line has a comment, the first one is of its line as well', () => {
    assert.deepEqual(formatted('# of b', 'quay.io/b/b', '# of a', 'quay.io/a/a'), [
      '# of a',
      'quay.io/a/a',
      '# of b',
      'quay.io/b/b',
    ])
    assert.deepEqual(formatted('# of b', 'quay.io/b/b', '', 'quay.io/a/a'), [
      'quay.io/a/a',
      '# of b',
      'quay.io/b/b',
    ])
    assert.deepEqual(formatted('# alone', 'quay.io/b/b'), ['# alone', 'quay.io/b/b'])
  })

  test('what the list itself calls a registry stays, also where that is said in what it includes', () => {
    const rule = '@registry quay.io alias=k8s.gcr.io,docker.io'
    assert.deepEqual(formatted(rule, 'nginx:1', '!K8S.gcr.io/pause:*'), [
      rule,
      '',
      '!k8s.gcr.io/pause:*',
      'nginx:1',
    ])
    const text = '@include names.txt\nk8s.gcr.io/pause:5\n'
    const includes = [{ line: 1, list: { name: 'names.txt', text: `${rule}\n` } }]
    const format = formatList({ name: 'list', text, includes }, naming())
    assert.ok('text' in format)
    assert.equal(format.text, '@include names.txt\n\nk8s.gcr.io/pause:5\n')
  })

  test('no line moves over a directive', () => {
    assert.deepEqual(
      formatted(
        '@bandwidth 40MB/s',
        '@window 01:00-06:00',
        'quay.io/z/z',
        'docker.io/a/a',
        '# from here on',
        '@defaults platforms=all',
        'quay.io/b/b',
        'docker.io/a/a',
      ),
      [
        '@bandwidth 40MB/s',
        '@window 01:00-06:00',
        '',
        'docker.io/a/a',
        'quay.io/z/z',
        '',
        '# from here on',
        '@defaults platforms=all',
        '',
        'docker.io/a/a',
        'quay.io/b/b',
      ],
    )
  })

  test('what is said twice under the same defaults goes, but for its comments', () => {
    assert.deepEqual(
      formatted(
        'docker.io/a/a',
        'docker.io/c/c',
        '# heading',
        '',
        '# for b',
        'docker.io/a/a  # of c',
      ),
      ['', '# for b', 'docker.io/a/a  # of c', 'docker.io/c/c', '', '# heading'],
    )
    assert.deepEqual(formatted('nginx:1  # one', 'docker.io/nginx:1 # two'), [
      '# two',
      'docker.io/library/nginx:1  # one',
    ])
  })

  test('of a wrong list every problem is told, and nothing is changed', () => {
    const format = formatList({ name: 'list', text: 'nginx\nb:c:d\n\n:x\n' }, naming())
    assert.ok('problems' in format)
    assert.deepEqual(
      format.problems.map(({ line, column }) => [line, column]),
      [
        [2, 4],
        [4, 1],
      ],
    )
  })
})
