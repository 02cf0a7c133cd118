import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
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

function refused(name: string, before: string): string {
  return replaceFile(folder.join(name), { before, after: 'new' }) ?? ''
}

/** Another than files of this process get by themselves. */
function otherOwner(): { readonly uid: number; readonly gid: number } | undefined {
  const uid = process.getuid?.()
  if (uid === 0) return { uid: 4321, gid: 4322 }
  const gid = process.getgroups?.().find((each) => each !== process.getgid?.())
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

suite('a text in the place of a file', () => {
  test('what a link points to is another file of the same mode, and nothing else is left', () => {
    const path = folder.join('list.txt')
    writeFileSync(path, 'old')
    chmodSync(path, 0o4604)
    symlinkSync('list.txt', folder.join('link.txt'))
    assert.equal(replaceFile(folder.join('link.txt'), { before: 'old', after: 'new' }), undefined)
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.equal(statSync(path).mode & 0o7777, 0o4604)
    assert.deepEqual(readdirSync(folder.path).sort(), ['link.txt', 'list.txt'])
  })

  test('where it cannot be written all stays as it was', () => {
    mkdirSync(folder.join('sub'))
    assert.match(
      refused('sub', 'old'),
      /sub cannot be written \(EISDIR\): nothing in it was changed/,
    )
    assert.ok(statSync(folder.join('sub')).isDirectory())
    assert.ok(readdirSync(folder.path).every((name) => !name.endsWith('.partial')))
    assert.match(refused('none.txt', 'old'), /none\.txt cannot be .*ENOENT/)
  })

  test('an edit of somebody else in the meantime stays', () => {
    writeFileSync(folder.join('edited.txt'), 'edited')
    assert.match(refused('edited.txt', 'old'), /edited\.txt was edited while/)
    assert.equal(readFileSync(folder.join('edited.txt'), 'utf8'), 'edited')
    assert.ok(readdirSync(folder.path).every((name) => !name.endsWith('.partial')))
  })

  test('what is read-only stays, whoever runs this', () => {
    writeFileSync(folder.join('kept.txt'), 'old')
    chmodSync(folder.join('kept.txt'), 0o444)
    assert.match(refused('kept.txt', 'old'), /kept\.txt is read-only/)
    assert.equal(readFileSync(folder.join('kept.txt'), 'utf8'), 'old')
  })

  const other = otherOwner()
  test(
    'owner and group stay',
    { skip: other ? false : 'this user may not give files to anybody' },
    () => {
      assert.ok(other)
      const path = folder.join('owned.txt')
      writeFileSync(path, 'old')
      chownSync(path, other.uid, other.gid)
      assert.equal(replaceFile(path, { before: 'old', after: 'new' }), undefined)
      const { uid, gid } = statSync(path)
      assert.deepEqual({ uid, gid }, other)
    },
  )
})
