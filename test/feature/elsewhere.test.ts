// The contract between a source whose bytes come from elsewhere and the runtime that sends them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { NO_FILE } from '../../src/lib/byte-source.ts'
import type { ByteSource } from '../../src/lib/byte-source.ts'
import { listen } from '../../src/runtime/listener.ts'
import { rawRequest } from '../support/raw-http.ts'
import type { RawResponse } from '../support/raw-http.ts'
import { waitUntil } from '../support/wait-until.ts'

const SIZE = 8 * 2 ** 20
const CHUNK = Buffer.alloc(64 * 1024, 7)

interface Elsewhere {
  readonly released: Promise<void>
  open(): Promise<RawResponse>
}

// A listener whose every response is all of one source.
async function serve(
  t: TestContext,
  elsewhere: NonNullable<ByteSource['elsewhere']>,
  idleTimeoutMs = 30_000,
): Promise<Elsewhere> {
  const released = Promise.withResolvers<void>()
  const source: ByteSource = {
    fd: NO_FILE,
    sizeBytes: SIZE,
    available: () => 0,
    arrived: () => Promise.resolve(),
    elsewhere,
    release: () => released.resolve(),
  }
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    registry: undefined,
    tls: undefined,
    clientIdleTimeoutMs: idleTimeoutMs,
    sendfile: undefined,
    fetch: (_, exchange) => {
      exchange.body = { source, parts: [{ start: 0, end: SIZE }] }
      return new Response(null, { headers: { 'content-length': String(SIZE) } })
    },
  })
  t.after(() => listener.stop())
  return {
    released: released.promise,
    open: () => rawRequest(`http://127.0.0.1:${listener.address.port}/`),
  }
}

async function* chunks(count: number, taken?: { count: number }): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n += 1) {
    if (taken) taken.count += 1
    yield CHUNK
  }
}

test('all of it goes out, asked for once and from where the response is', async (t) => {
  const asked: unknown[] = []
  const { open, released } = await serve(t, (...call) => {
    asked.push(call)
    return chunks(SIZE / CHUNK.length)
  })
  await using response = await open()
  const { ending, bytes } = await response.take()
  assert.deepEqual([ending, bytes], ['complete', SIZE])
  assert.deepEqual(asked, [[0, SIZE, undefined]])
  await released
})

test('what cannot go on ends with FIN, after every byte that came', async (t) => {
  const { open, released } = await serve(t, async function* () {
    yield* chunks(3)
    throw new Error('upstream is gone')
  })
  await using response = await open()
  const { ending, bytes } = await response.take()
  assert.deepEqual([ending, bytes], ['fin', 3 * CHUNK.length])
  await released
})

test('the head goes out before the first byte has come', async (t) => {
  const first = Promise.withResolvers<void>()
  const { open } = await serve(t, async function* () {
    await first.promise
    yield* chunks(SIZE / CHUNK.length)
  })
  await using response = await open()
  assert.equal(response.status, 200)
  first.resolve()
  assert.equal((await response.take()).ending, 'complete')
})

test('a reader that takes nothing is not read ahead for, and is cut in the end', async (t) => {
  const taken = { count: 0 }
  const { open, released } = await serve(t, () => chunks(SIZE * 4, taken), 1000)
  await using response = await open()
  await response.read()
  await released
  // What the connection itself holds, and no more.
  assert.ok(taken.count * CHUNK.length < 2 * SIZE, `${taken.count} chunks`)
})

test('a reader that leaves while nothing comes ends the response', async (t) => {
  const never = Promise.withResolvers<void>()
  let isWaiting = false
  const { open, released } = await serve(t, async function* () {
    yield CHUNK
    isWaiting = true
    await never.promise
  })
  await using response = await open()
  await response.read()
  await waitUntil(() => isWaiting, { what: 'the wait' })
  response.leave()
  await released
})
