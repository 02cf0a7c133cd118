import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { after, suite, test } from 'node:test'
import type { ListText } from '../../../src/list/list-entry.ts'
import {
  listBytes,
  readKeptList,
  readListFile,
  readListInput,
} from '../../../src/list-files/read-list.ts'
import { LISTS_MAX_BYTES } from '../../../src/list-files/read-text.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const folder = new TempFolder('read-list')
after(() => folder.close())

function file(name: string, content: string | Buffer): string {
  const path = folder.join(name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

interface Tree {
  readonly name: string
  readonly text: string
  readonly includes: readonly (readonly [number, Tree])[]
}

function treeOf({ name, text, includes = [] }: ListText): Tree {
  return { name, text, includes: includes.map(({ line, list }) => [line, treeOf(list)]) }
}

function refused(path: string, ...sentences: readonly RegExp[]): void {
  const { problems } = readListFile(path)
  assert.equal(problems.length, sentences.length, problems.join('\n'))
  sentences.forEach((sentence, index) => assert.match(problems[index] ?? '', sentence))
}

suite('a list with what it includes', () => {
  test('each file is looked for beside the one that includes it', () => {
    const top = file(
      'top.txt',
      '\uFEFF@include  sub/a.txt  # first\r\nnginx\n@include "sub/b c.txt"\n',
    )
    file('sub/a.txt', 'redis\n\n@include ../d.txt\n')
    file('sub/b c.txt', 'b\n')
    file('d.txt', 'd')
    const { list, problems, files } = readListFile(top)
    assert.deepEqual(problems, [])
    assert.ok(list)
    assert.equal(list.path, top)
    const d = { name: folder.join('d.txt'), text: 'd', includes: [] }
    const a = { name: folder.join('sub/a.txt'), text: 'redis\n\n@include ../d.txt\n' }
    const b = { name: folder.join('sub/b c.txt'), text: 'b\n', includes: [] }
    assert.deepEqual(treeOf(list).includes, [
      [1, { ...a, includes: [[3, d]] }],
      [3, b],
    ])
    assert.deepEqual(files, [top, a.name, d.name, b.name])
    assert.equal(listBytes(list), Buffer.byteLength([list.text, a.text, d.text, b.text].join('')))
  })

  test('files are called as they were named, and known by their whole path', () => {
    const top = file('named.txt', '@include sub/e.txt\n')
    file('sub/e.txt', 'e\n')
    const named = relative(process.cwd(), top)
    const { list } = readListFile(named)
    const [included] = list?.includes ?? []
    assert.equal(list?.name, named)
    assert.equal(list.path, top)
    assert.equal(included?.list.name, relative(process.cwd(), folder.join('sub/e.txt')))
    assert.equal(included.list.path, folder.join('sub/e.txt'))
  })

  test('what is no line with one file is left to the parser', () => {
    const lines = ['@include', '@include a b', '@include https://example.com/a.txt', '#@include a']
    const { list, problems } = readListFile(file('wrong.txt', lines.join('\n')))
    assert.deepEqual(problems, [])
    assert.equal(list?.includes, undefined)
  })

  test('the standard input includes what is in the working directory, and stays nowhere', (t) => {
    const before = process.cwd()
    t.after(() => process.chdir(before))
    process.chdir(folder.path)
    file('near.txt', 'near\n')
    const input = openSync(file('input', '@include near.txt\n'), 'r')
    const { list } = readListInput(input, 'standard input')
    assert.equal(list?.path, undefined)
    assert.equal(list?.includes?.[0]?.list.name, 'near.txt')
    assert.equal(list.includes[0].list.text, 'near\n')
  })

  test('one file may be included in several places, but none by itself', () => {
    file('shared.txt', 'shared\n')
    const twice = readListFile(file('twice.txt', '@include shared.txt\n@include shared.txt\n'))
    assert.deepEqual(twice.problems, [])
    assert.equal(twice.list?.includes?.length, 2)
    const self = file('self.txt', 'a\n@include self.txt\n')
    refused(self, /self\.txt:2:10: the list includes itself: .*self\.txt includes .*self\.txt$/)
    const one = file('one.txt', '@include two.txt\n')
    file('two.txt', '@include linked.txt\n')
    symlinkSync(one, folder.join('linked.txt'))
    refused(one, /two\.txt:1:10: .*one\.txt includes .*two\.txt includes .*linked\.txt$/)
  })

  test('what cannot be included is told with its place, and the rest is read', () => {
    mkdirSync(folder.join('lists'))
    file('program', Buffer.from('\x7fELF\0\0'))
    file('here.txt', 'here\n')
    execFileSync('mkfifo', [folder.join('pipe')])
    const lines = ['hare.txt', 'lists', 'program', 'pipe', 'none/x.txt', 'here.txt']
    const top = file('bad.txt', lines.map((name) => `@include ${name}\n`).join(''))
    refused(
      top,
      /^.*bad\.txt:1:10: there is no file .*hare\.txt; did you mean .*here\.txt\?/,
      /:2:10: .*lists is a folder/,
      /:3:10: .*program is a binary file/,
      /:4:10: .*pipe is not a file/,
      /:5:10: .*there is no folder .*none/,
    )
    const { list, files } = readListFile(top)
    assert.deepEqual(
      list?.includes?.map(({ line }) => line),
      [6],
    )
    assert.equal(files.length, lines.length + 1)
  })

  test('depth, number and size have their limits', () => {
    for (let n = 0; n < 17; n += 1) file(`deep/${n}.txt`, `@include ${n + 1}.txt\n`)
    file('deep/17.txt', 'bottom\n')
    refused(folder.join('deep/0.txt'), /deep\/16\.txt:1:10: .* at most 16 deep/)
    assert.deepEqual(readListFile(folder.join('deep/1.txt')).problems, [])

    file('one-of-many.txt', 'x\n')
    const many = '@include one-of-many.txt\n'
    assert.deepEqual(readListFile(file('256.txt', many.repeat(256))).problems, [])
    refused(file('257.txt', many.repeat(257)), /:257:10: .*at most 256 files/)

    file('half.txt', '#'.repeat(LISTS_MAX_BYTES / 2))
    refused(file('whole.txt', '@include half.txt\n'.repeat(2)), /:2:10: .*longer than 2 MiB/)
  })

  test('of what is read again and again a pipe is no part, and is not waited for', () => {
    execFileSync('mkfifo', [folder.join('pipe.txt')])
    file('kept.txt', '@include pipe.txt\n')
    for (const name of ['pipe.txt', 'kept.txt']) {
      const { problems } = readKeptList(folder.join(name))
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', /pipe\.txt is not a file: write the list into one$/)
    }
    const { list, problems } = readKeptList(file('plain.txt', 'nginx\n'))
    assert.deepEqual([list?.text, problems], ['nginx\n', []])
  })

  test('a device is read, and is no list that stays', () => {
    const { list } = readListFile('/dev/null')
    assert.equal(list?.text, '')
    assert.equal(list.path, undefined)
  })
})
