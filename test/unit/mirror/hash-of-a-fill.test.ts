// When the hash of a download begins, and that nothing is left of one that ended.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { StagedBlob } from '../../../src/store/blob-store.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { stageBlob } from '../../../src/store/staged-blob.ts'
import { heldContent, seededContent } from '../../support/content.ts'
import { FillSetting } from '../../support/fill-setting.ts'

const content = heldContent(seededContent('stopped', 400_000))
const digest = parseDigest(content.digest) as Digest
const PIECES = { worthBytes: 100_000, minBytes: 100_000, maxBytes: 100_000 }

test('a hash that begins while a download is being stopped does not go on', async (t) => {
  const setting = new FillSetting()
  t.after(() => setting.close())
  const writing = Promise.withResolvers<undefined>()
  const written = Promise.withResolvers<undefined>()
  const stage = async (): Promise<StagedBlob> => {
    const staged = await stageBlob(layoutOf(setting.folder), digest)
    const write = staged.write.bind(staged)
    staged.write = async (position, chunks) => {
      if (position === 0) {
        writing.resolve(undefined)
        await written.promise
      }
      await write(position, chunks)
    }
    return staged
  }
  const good = { cutAfter: undefined, ignoreRange: false, flip: undefined }
  const faults = [good, { ...good, slowTurns: 20 }]
  const plan = { content, chunkBytes: 70_000, tellsSize: true, isDescribed: true, faults }
  const fill = setting.start(plan, { stage, segments: 2, pieceSizes: PIECES })
  // Of two connections the first has its bytes on the way to the disk when somebody stops both.
  await writing.promise
  const reader = fill.follow()
  const stopped = fill.park()
  await assert.rejects(reader.arrived(0))
  reader.release()
  assert.equal(setting.runningHashes, 0)
  written.resolve(undefined)
  assert.equal((await stopped).how, 'parked')
  assert.equal(setting.runningHashes, 0)
})
