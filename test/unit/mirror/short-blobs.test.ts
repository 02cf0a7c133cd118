// What a blob costs beyond its bytes: one that is withheld whole is not worth a worker's turn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IntegrityError } from '../../../src/errors.ts'
import type { Hasher } from '../../../src/store/hasher.ts'
import { shortHash } from '../../../src/store/short-hash.ts'
import { heldContent, seededContent } from '../../support/content.ts'
import { FillSetting } from '../../support/fill-setting.ts'

const SHORT_BYTES = 64 * 1024
const NO_WORKER: Hasher = {
  begin: () => assert.fail('a worker was asked'),
  short: shortHash,
  close: () => Promise.resolve(),
}

function planOf(size: number, flip?: number) {
  const content = heldContent(seededContent(`short ${size}`, size))
  const faults = [{ cutAfter: undefined, ignoreRange: false, flip }]
  return { content, chunkBytes: 10_000, tellsSize: true, isDescribed: false, faults }
}

test('a short blob is checked without a worker, and a longer one by one', async (t) => {
  const setting = new FillSetting()
  t.after(() => setting.close())
  for (const size of [0, 1, SHORT_BYTES]) {
    const end = await setting.start(planOf(size), { hasher: NO_WORKER }).ended
    assert.equal(end.how, 'published', `${size}`)
  }
  const longer = planOf(SHORT_BYTES + 1)
  assert.equal((await setting.start(longer, { hasher: NO_WORKER }).ended).how, 'failed')
  assert.equal((await setting.start(longer).ended).how, 'published')
})

test('a short blob of wrong content is given to nobody and not kept', async (t) => {
  const setting = new FillSetting()
  t.after(() => setting.close())
  const end = await setting.start(planOf(5_000, 4_999), { hasher: NO_WORKER }).ended
  assert.ok(end.how === 'failed' && end.error instanceof IntegrityError)
})
