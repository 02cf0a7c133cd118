import assert from 'node:assert/strict'
import { appendFileSync, rmSync, truncateSync } from 'node:fs'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { publishedPath, quarantinedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'

const blob = heldContent(seededContent('damaged', 300_000))
const PATH = `/v2/app/blobs/${blob.digest}`

// [what happens to the file, how, whether it is kept to be looked at]
const DAMAGES: [string, (file: string) => void, boolean][] = [
  ['truncated', (file) => truncateSync(file, 1000), true],
  ['emptied', (file) => truncateSync(file, 0), true],
  ['longer', (file) => appendFileSync(file, 'more'), true],
  ['removed', (file) => rmSync(file), false],
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
