import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { StoreError } from '../../../src/errors.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { startHasher } from '../../../src/store/hasher.ts'
import type { Hasher } from '../../../src/store/hasher.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const content = Buffer.from('content')

function setting(t: TestContext) {
  const folder = new TempFolder('hasher')
  const hasher = startHasher(1)
  t.after(async () => {
    await hasher.close()
    await folder.close()
  })
  const file = folder.join('file')
  writeFileSync(file, content)
  return { folder, hasher, file }
}

async function failure(hasher: Hasher, file: string, sizeBytes: number): Promise<string> {
  try {
    await hasher.begin('sha256', file).finish(sizeBytes)
    return 'none'
  } catch (error) {
    return error instanceof StoreError ? error.kind : 'unknown'
  }
}

test('only a file that is short, or that the disk fails to read, is called bad', async (t) => {
  const { hasher, file, folder } = setting(t)
  mkdirSync(folder.join('folder'))
  assert.equal(await failure(hasher, file, content.length), 'none')
  assert.equal(await failure(hasher, file, content.length + 1), 'damaged-file')
  assert.equal(await failure(hasher, folder.join('missing'), 1), 'io')
  assert.equal(await failure(hasher, folder.join('folder'), 1), 'io')
})

test('a worker that died fails what it was hashing, and another takes its place', async (t) => {
  const workers: Worker[] = []
  const started = (worker: Worker): void => void workers.push(worker)
  process.on('worker', started)
  t.after(() => process.off('worker', started))
  const { hasher, file } = setting(t)
  const running = hasher.begin('sha256', file)
  await running.reach(1)
  await workers[0]?.terminate()
  await assert.rejects(running.finish(content.length), /a hash worker has ended/)
  for (let times = 0; times < 2; times += 1) {
    const hash = hasher.begin('sha256', file)
    assert.equal(await hash.finish(content.length), digestOf(content))
  }
  assert.equal(workers.length, 2)
})
