import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { publishedPath, quarantinedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'

const blob = heldContent(seededContent('damaged', 300_000))
const PATH = `/v2/app/blobs/${blob.digest}`

function flipBit(file: string): void {
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(123_456) ^ 0x10, 123_456)
  writeFileSync(file, bytes)
}

function replaceAlike(file: string): void {
  const { size, atime, mtime } = statSync(file)
  writeFileSync(`${file}.other`, Buffer.alloc(size, 'other'))
  utimesSync(`${file}.other`, atime, mtime)
  renameSync(`${file}.other`, file)
}

// [what happens to the file, how, whether it is kept to be looked at]
const DAMAGES: [string, (file: string) => void, boolean][] = [
  ['truncated', (file) => truncateSync(file, 1000), true],
  ['emptied', (file) => truncateSync(file, 0), true],
  ['longer', (file) => appendFileSync(file, 'more'), true],
  ['removed', (file) => rmSync(file), false],
  ['changed in one bit', (file) => flipBit(file), true],
  ['replaced by another of its size and date', (file) => replaceAlike(file), true],
]

for (const [what, damage, kept] of DAMAGES) {
  for (const restart of [false, true]) {
    const when = restart ? 'while the mirror is stopped' : 'under a running mirror'
    test(`a stored file that is ${what} ${when} is noticed and fetched again`, async () => {
      await using setting = await Setting.start()
      const { mirror, upstream } = setting
      upstream.addBlob('library/app', blob)
      await mirror.get(PATH)
      await mirror.published(blob.digest)
      if (restart) await mirror.stop()
      damage(publishedPath(mirror.folder, blob.digest))
      if (restart) await mirror.restart()
      mirror.lines.length = 0
      setting.asked()

      const answer = await mirror.get(PATH)
      assert.equal(answer.status, 200)
      assert.ok(answer.body.equals(blob.bytes))
      assert.equal(setting.asked().length, 1)
      const name = blob.digest.replace(':', '-')
      assert.deepEqual(quarantinedNames(mirror.folder), kept ? [name] : [])
      assert.equal(
        mirror.lines.some(({ level }) => level === 'error'),
        kept,
      )
      await mirror.published(blob.digest)
      assert.ok((await mirror.get(PATH)).body.equals(blob.bytes))
      assert.deepEqual(setting.asked(), [])
    })
  }
}

test('a file that was only touched is hashed once, and served without asking anybody', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  upstream.addBlob('library/app', blob)
  await mirror.get(PATH)
  await mirror.published(blob.digest)
  const file = publishedPath(mirror.folder, blob.digest)
  copyFileSync(file, `${file}.copy`)
  renameSync(`${file}.copy`, file)
  setting.asked()
  for (const answer of await Promise.all([1, 2, 3, 4].map(() => mirror.get(PATH)))) {
    assert.ok(answer.body.equals(blob.bytes))
  }
  assert.deepEqual(setting.asked(), [])
  assert.deepEqual(quarantinedNames(mirror.folder), [])
})

test('what is damaged is never served, with nobody to fetch it from', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  upstream.addBlob('library/app', blob)
  await mirror.get(PATH)
  await mirror.published(blob.digest)
  flipBit(publishedPath(mirror.folder, blob.digest))
  await mirror.restart({ offline: true })
  const answer = await mirror.get(PATH)
  assert.equal(answer.status, 404)
  await mirror.logged(/ is damaged \(its content has another digest\): moved to quarantine/)
})
