import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { after, suite, test } from 'node:test'
import { replaceFile } from '../../../src/cli/replace-file.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const folder = new TempFolder('replace-file')
after(() => folder.close())

suite('a text in the place of a file', () => {
  test('what a link points to is another file of the same mode, and nothing else is left', () => {
    const path = folder.join('list.txt')
    writeFileSync(path, 'old')
    chmodSync(path, 0o4604)
    symlinkSync('list.txt', folder.join('link.txt'))
    replaceFile(folder.join('link.txt'), 'new')
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.equal(statSync(path).mode & 0o7777, 0o4604)
    assert.deepEqual(readdirSync(folder.path).sort(), ['link.txt', 'list.txt'])
  })

  test('where it cannot be written all stays as it was', () => {
    mkdirSync(folder.join('sub'))
    assert.throws(() => replaceFile(folder.join('sub'), 'new'), /sub cannot be written \(EISDIR\)/)
    assert.ok(statSync(folder.join('sub')).isDirectory())
    assert.ok(readdirSync(folder.path).every((name) => !name.endsWith('.partial')))
    assert.throws(() => replaceFile(folder.join('none.txt'), ''), /none\.txt cannot be .*ENOENT/)
  })
})
