import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { after, suite, test } from 'node:test'
import { listProblems } from '../../../src/cli/warm-lists.ts'
import { openReportFile } from '../../../src/cli/warm-report-file.ts'
import { readSources } from '../../../src/cli/warm-sources.ts'
import { ConfigError } from '../../../src/errors.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { LISTS_MAX_BYTES } from '../../../src/list-files/read-text.ts'
import { TempFolder } from '../../support/temp-folder.ts'

/** Debian's nobody; any user but root would do. */
const NOBODY = 65534

const folder = new TempFolder('warm-sources')
after(() => folder.close())

function file(name: string, content: string | Buffer): string {
  writeFileSync(folder.join(name), content)
  return folder.join(name)
}

function refused(word: string, sentence: RegExp): void {
  const { sources, problems } = readSources([word])
  assert.deepEqual(sources, [])
  assert.equal(problems.length, 1, problems.join('\n'))
  assert.match(problems[0] ?? '', sentence)
}

suite('what the words behind warm are', () => {
  test('an existing file is a list, whatever it is called, and the rest are references', () => {
    const one = file('mirror.txt', '\uFEFFnginx:1.25\r\n')
    const other = file('images', 'redis\n')
    const { sources, problems } = readSources(['busybox', one, other, 'alpine:3 optional'])
    assert.deepEqual(problems, [])
    assert.deepEqual(
      sources.map(({ name, text }) => [name, text]),
      [
        [one, '\uFEFFnginx:1.25\r\n'],
        [other, 'redis\n'],
        ['command line', 'busybox\nalpine:3 optional'],
      ],
    )
  })

  test('a file that is not there is no image where it looks like a file', () => {
    file('mirror.txt', 'nginx\n')
    refused(folder.join('miror.txt'), /no file .*miror\.txt; did you mean .*\/mirror\.txt\?/)
    refused(folder.join('mirror.tx'), /did you mean .*\/mirror\.txt\?/)
    refused(folder.join('nothing-like-it'), /no file .* to read as a list/)
    refused(folder.join('none/mirror.txt'), /no folder .*none/)
    refused('./no-such-list', /no file \.\/no-such-list/)
    refused('no-such-list.txt', /no file no-such-list\.txt/)
  })

  test('a word that no image can be called is a file, there or not', (t) => {
    const before = process.cwd()
    t.after(() => process.chdir(before))
    file('mirror.txt', 'nginx\n')
    process.chdir(folder.path)
    refused('mirror.tx', /no file mirror\.tx, and it names no image; did you mean mirror\.txt\?/)
    refused('quarterly.yaml', /no file quarterly\.yaml, and it names no image$/)
    refused('night.txt.bak', /no file night\.txt\.bak, and it names no image$/)
    assert.equal(readSources(['redis:7.2']).sources[0]?.name, 'command line')
    assert.equal(readSources(['mirror']).sources[0]?.name, 'command line')
    assert.equal(readSources(['ghcr.io/org/mirror.tx']).sources[0]?.name, 'command line')
  })

  test('what is no list is said to be what it is', () => {
    mkdirSync(folder.join('lists.txt'))
    refused(folder.join('lists.txt'), /is a folder: name the list in it/)
    refused(file('program', Buffer.from('\x7fELF\0\0')), /is a binary file/)
    refused(file('wide.txt', Buffer.from('\uFEFFnginx\n', 'utf16le')), /UTF-16: save it as UTF-8/)
    refused(file('latin.txt', Buffer.from([0x6e, 0xe9, 0x0a])), /not text in UTF-8/)
    refused('', /names no image/)
    refused('nginx\nredis', /stands in one line/)
  })

  test('a list that may not be read is said to be that', () => {
    const secret = file('secret.txt', 'nginx\n')
    chmodSync(secret, 0)
    chmodSync(folder.path, 0o755)
    // Root may read everything.
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.(NOBODY)
    try {
      refused(secret, /may not read the list/)
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })

  test('lists are read up to a limit, alone and together', () => {
    const line = 'docker.io/library/nginx:1.25\n'
    const half = line.repeat(Math.ceil(LISTS_MAX_BYTES / 2 / line.length) + 1)
    const one = file('one.txt', half)
    const other = file('other.txt', half)
    assert.deepEqual(readSources([one]).problems, [])
    assert.match(readSources([one, other]).problems.join(), /together are longer than 2 MiB/)
    refused(file('long.txt', half + half), /long\.txt is longer than 2 MiB/)
    refused('/dev/zero', /longer than 2 MiB/)
  })
})

suite('the problems of lists', () => {
  const problemsOf = (...texts: readonly string[]): readonly string[] =>
    listProblems(texts.map((text, index) => parseList({ name: `${index}.txt`, text })))

  test('every one with its place, then how many', () => {
    const sentences = problemsOf('nginx\na:b:c\n', ':x\n')
    assert.equal(sentences.length, 3)
    assert.match(sentences[0] ?? '', /^0\.txt:2:4: /)
    assert.match(sentences[1] ?? '', /^1\.txt:1:1: /)
    assert.equal(sentences[2], '2 problems in 0.txt, 1.txt: nothing was done')
  })

  test('of very many some are shown and all are counted', () => {
    const sentences = problemsOf(':x\n'.repeat(1000))
    assert.equal(sentences.length, 101)
    assert.match(sentences.at(-1) ?? '', /^1000 problems in 0\.txt/)
  })

  test('lists that say nothing are a problem, unless one says something', () => {
    assert.match(problemsOf('# all\n\n', '').join(), /no image in the list/)
    assert.deepEqual(problemsOf('# all\n\n', 'nginx\n'), [])
  })
})

suite('the file of a report', () => {
  test('a path that cannot be written is said before the run', () => {
    mkdirSync(folder.join('reports'))
    for (const [path, sentence] of [
      [folder.join('none/report.json'), /--report: the folder .*none .* does not exist/],
      [folder.join('reports'), /--report: .* is a folder/],
      [folder.join('mirror.txt/report.json'), /--report: .*cannot be written \(ENOTDIR\)/],
      ['/proc/report.json', /--report: \/proc\/report\.json cannot be made there: choose another/],
    ] as const) {
      assert.throws(
        () => openReportFile(path),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError)
          assert.match(error.message, sentence)
          return true
        },
      )
    }
  })

  test('the earlier one stays until the new one is whole, and nothing else is left', () => {
    mkdirSync(folder.join('runs'))
    const path = folder.join('runs/report.json')
    writeFileSync(path, 'earlier')
    const dropped = openReportFile(path)
    assert.equal(readFileSync(path, 'utf8'), 'earlier')
    dropped.close()
    assert.equal(readFileSync(path, 'utf8'), 'earlier')
    assert.deepEqual(readdirSync(folder.join('runs')), ['report.json'])
    const report = openReportFile(path)
    report.write('new')
    report.close()
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.deepEqual(readdirSync(folder.join('runs')), ['report.json'])
  })

  test('what cannot take its place leaves nothing behind', () => {
    mkdirSync(folder.join('taken'))
    const report = openReportFile(folder.join('taken/report.json'))
    mkdirSync(folder.join('taken/report.json'))
    assert.throws(() => report.write('new'), { code: 'EISDIR' })
    report.close()
    assert.deepEqual(readdirSync(folder.join('taken')), ['report.json'])
  })

  test('a link stays a link', () => {
    const path = folder.join('linked.json')
    writeFileSync(path, 'earlier')
    symlinkSync(path, folder.join('link.json'))
    const report = openReportFile(folder.join('link.json'))
    report.write('new')
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.ok(
      readdirSync(folder.path, { withFileTypes: true }).some((each) => each.isSymbolicLink()),
    )
  })
})
