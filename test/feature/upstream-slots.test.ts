import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { within } from '../../src/lib/within.ts'
import type { UpstreamRegistry } from '../../src/upstream/upstream.ts'
import {
  BLOB,
  BLOB_DIGEST,
  NAME,
  read,
  registryOf,
  serve,
  upstreamError,
} from './upstream-server.ts'

const LIMIT_MS = 15_000

// One download at a time, and its body stops after the first bytes.
async function oneSlot(t: TestContext): Promise<UpstreamRegistry> {
  let bodies = 0
  const server = await serve(t, (request, response) => {
    if (request.headers.range !== undefined) {
      const range = `bytes 0-0/${BLOB.length}`
      response.writeHead(206, { 'content-range': range, 'content-length': 1 })
      return void response.end(BLOB.subarray(0, 1))
    }
    response.writeHead(200, { 'content-length': BLOB.length })
    if (bodies++ > 0) response.end(BLOB)
    else response.write(BLOB.subarray(0, 100))
  })
  const limits = { downloadsPerRegistry: 1, blobOpenBudgetMs: 500 }
  return registryOf(t, [server.url], { limits })
}

test('a download for which no slot comes free is refused, and the slot it waited for is not lost', async (t) => {
  const registry = await oneSlot(t)
  const first = await registry.openBlob(NAME, BLOB_DIGEST)
  assert.ok(first)
  for (const _ of [1, 2]) {
    const second = registry.openBlob(NAME, BLOB_DIGEST)
    second.catch(() => undefined)
    const settled = within(LIMIT_MS, second)
    await assert.rejects(settled, upstreamError('timed-out'))
  }
  first.abort()
  const third = await within(LIMIT_MS, registry.openBlob(NAME, BLOB_DIGEST))
  assert.ok(third !== 'slow' && third)
  assert.deepEqual(await read(third.body), BLOB)
})

test('a question of one byte does not wait for a download to end', async (t) => {
  const registry = await oneSlot(t)
  const first = await registry.openBlob(NAME, BLOB_DIGEST)
  assert.ok(first)
  const probe = await within(LIMIT_MS, registry.openBlob(NAME, BLOB_DIGEST, { start: 0, end: 0 }))
  assert.ok(probe !== 'slow' && probe)
  assert.equal(probe.totalBytes, BLOB.length)
  probe.abort()
  first.abort()
})

test('a further connection for one download waits for no slot', async (t) => {
  const registry = await oneSlot(t)
  const first = await registry.openBlob(NAME, BLOB_DIGEST)
  assert.ok(first)
  const further = registry.openBlob(NAME, BLOB_DIGEST, { start: 0, end: 9 }, { isFurther: true })
  await assert.rejects(further, upstreamError('rate-limited'))
  first.abort()
})
