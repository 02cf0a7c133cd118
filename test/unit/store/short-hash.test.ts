import assert from 'node:assert/strict'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { StoreError } from '../../../src/errors.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { shortHash } from '../../../src/store/short-hash.ts'
import { TempFolder } from '../../support/temp-folder.ts'

test('a short file is hashed up to its content’s end, by either algorithm', async (t) => {
  const temp = new TempFolder('short-hash')
  t.after(() => temp.close())
  const bytes = Buffer.from('content and more')
  writeFileSync(temp.join('file'), bytes)
  const fd = openSync(temp.join('file'), 'r')
  t.after(() => closeSync(fd))
  for (const algorithm of ['sha256', 'sha512'] as const) {
    assert.equal(shortHash(algorithm, fd, 7), digestOf(bytes.subarray(0, 7), algorithm))
  }
  assert.throws(() => shortHash('sha256', fd, bytes.length + 1), isStoreError('damaged-file'))
  assert.throws(() => shortHash('sha256', 1_000_000, 1), isStoreError('io'))
})

function isStoreError(kind: StoreError['kind']) {
  return (error: unknown) => error instanceof StoreError && error.kind === kind
}
