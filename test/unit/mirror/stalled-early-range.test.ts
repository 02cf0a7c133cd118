import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Open } from '../../../src/mirror/sources.ts'
import { heldContent, seededContent } from '../../support/content.ts'
import { FillSetting, readThrough } from '../../support/fill-setting.ts'

const MIB = 2 ** 20
const content = heldContent(seededContent('a stalled early range', 24 * MIB))
const WINDOW = { start: 20 * MIB, end: 20 * MIB + 100_000 }
const WINDOW_GIVES = 1000
const PIECES = { worthBytes: MIB, minBytes: 4 * MIB, maxBytes: 4 * MIB }

const setting = new FillSetting()
after(() => setting.close())

test('a short range that stalls holds no reader up when several connections have come to it', async () => {
  const begun = Promise.withResolvers<void>()
  const passed = Promise.withResolvers<void>()
  const open: Open = async (range) => {
    const start = range?.start ?? 0
    const end = (range?.end ?? content.size - 1) + 1
    const isWindow = start === WINDOW.start && end === WINDOW.end
    const aborted = Promise.withResolvers<void>()
    async function* body(): AsyncGenerator<Uint8Array> {
      await begun.promise
      if (isWindow) {
        yield content.bytes.subarray(start, start + WINDOW_GIVES)
        return await aborted.promise
      }
      // What lies behind it comes only when the reader is through.
      if (start >= WINDOW.end) await passed.promise
      yield content.bytes.subarray(start, end)
    }
    const trust = { distrust: () => false, isAnonymous: true, isOrigin: true }
    const given = { start, isPart: true, totalBytes: content.size, body: body() }
    return { ...given, ...trust, abort: () => aborted.resolve() }
  }
  const source = { content, chunkBytes: MIB, tellsSize: true, isDescribed: true, faults: [] }
  const fill = setting.start(source, { segments: 2, pieceSizes: PIECES, open })
  assert.equal(await fill.answerable, true)
  const early = fill.followWindow(WINDOW)
  begun.resolve()

  const reader = { comesAfter: 0, leavesAfter: 1, from: WINDOW.start + 2 * WINDOW_GIVES }
  const { bytes } = await readThrough(fill, reader)
  assert.ok(bytes.equals(content.bytes.subarray(reader.from, reader.from + bytes.length)))
  assert.ok(bytes.length > 0)
  passed.resolve()
  early.release()
  assert.deepEqual(await fill.ended, { how: 'published' })
  assert.equal(fill.fetchedBytes, content.size)
})
