import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../../../src/errors.ts'
import { parseTag } from '../../../src/oci/name.ts'
import type { Tag } from '../../../src/oci/name.ts'
import type { Index } from '../../../src/store/index-port.ts'
import { rememberingIndex } from '../../../src/store/remembering-index.ts'
import { openStore } from '../../../src/store/store.ts'
import { named, repositoryOf } from '../../support/held-images.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const [APP, WEB] = [repositoryOf('app'), repositoryOf('web')]
const LAYER = named('layer')

// An index where writing who may read a repository can fail.
async function opened(t: { after: (end: () => Promise<void>) => void }) {
  const folder = new TempFolder('remembering')
  const store = await openStore(folder.path, 1)
  t.after(async () => {
    await store.close()
    await folder.close()
  })
  const disk = { isFull: false }
  const failing: Index = {
    ...store.index,
    recordVisibility: (...row) =>
      disk.isFull
        ? Promise.reject(new StoreError('full', 'no space left'))
        : store.index.recordVisibility(...row),
  }
  return { disk, index: rememberingIndex(failing) }
}

async function seeIn(index: Index, repository: typeof APP): Promise<void> {
  const row = { kind: 'blob', sizeBytes: 5, opens: 'repository' } as const
  await index.recordContent(repository, LAYER, row)
}

test('what became private is closed at once, also where that cannot be written', async (t) => {
  const { disk, index } = await opened(t)
  await seeIn(index, APP)
  assert.equal(await index.isOpen(LAYER), true)
  assert.equal((await index.findVisibility(APP))?.isPublic, true)
  disk.isFull = true
  const written = index.recordVisibility(APP, { isPublic: false, checkedAt: 7 })
  assert.equal((await index.findVisibility(APP))?.isPublic, false, 'while it is written')
  await assert.rejects(written, /no space left/)
  assert.deepEqual(await index.findVisibility(APP), { isPublic: false, checkedAt: 7 })
  assert.equal(await index.isOpen(LAYER), false)
})

test('what could not be written is written when the disk works again', async (t) => {
  const { disk, index } = await opened(t)
  await seeIn(index, APP)
  disk.isFull = true
  await assert.rejects(index.recordVisibility(APP, { isPublic: false, checkedAt: 7 }))
  disk.isFull = false
  assert.equal(await index.isOpen(LAYER), false)
  await seeIn(index, WEB)
  assert.equal(await index.isOpen(LAYER), true, 'by the other repository')
  assert.equal((await index.findVisibility(APP))?.isPublic, false)
  await seeIn(index, APP)
  assert.equal((await index.findVisibility(APP))?.isPublic, true)
})

test('what a damaged index still told is not hidden by what was remembered before', async (t) => {
  const { index } = await opened(t)
  const content = { table: 'content', digest: LAYER, kind: 'blob', sizeBytes: 5 } as const
  await index.recordContent(APP, LAYER, { kind: 'blob', sizeBytes: 5, opens: 'content' })
  assert.equal(await index.isOpen(LAYER), true)
  assert.equal(await index.findVisibility(APP), undefined)
  await index.restore([
    { ...APP, table: 'repository', isPublic: false },
    { ...APP, ...content, isClaim: false, isOpen: false },
  ])
  assert.equal(await index.isOpen(LAYER), false)
  assert.equal((await index.findVisibility(APP))?.isPublic, false)
})

test('a tag is asked for once, and not again when it has moved', async (t) => {
  const { index: inner } = await opened(t)
  let asked = 0
  const index = rememberingIndex({
    ...inner,
    findTag: (...which) => {
      asked += 1
      return inner.findTag(...which)
    },
  })
  const tag = parseTag('1') as Tag
  const row = { mediaType: undefined, sizeBytes: 5, checkedAt: 7, opens: 'repository' } as const
  await index.moveTag(APP, tag, { digest: LAYER, ...row })
  assert.equal((await index.findTag(APP, tag))?.digest, LAYER)
  const other = named('other')
  await index.moveTag(APP, tag, { digest: other, ...row })
  assert.equal((await index.findTag(APP, tag))?.digest, other)
  assert.equal(asked, 0)
  await index.forgetTag(APP, tag)
  assert.equal(await index.findTag(APP, tag), undefined)
  assert.equal(asked, 1)
})
