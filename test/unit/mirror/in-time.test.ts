import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../src/errors.ts'
import { inTime } from '../../../src/mirror/in-time.ts'

test('an answer that takes too long becomes a 504, and is given back when it comes', async () => {
  const late = Promise.withResolvers<{ id: number }>()
  const dismissed = Promise.withResolvers<{ id: number }>()
  const dismiss = (found: { id: number }): void => dismissed.resolve(found)
  await assert.rejects(
    inTime('docker.io/library/app:1', late.promise, { limitMs: 1, dismiss }),
    (error: unknown) =>
      error instanceof UpstreamError &&
      error.kind === 'timed-out' &&
      /^no answer about docker\.io\/library\/app:1 within 0\.001 s$/.test(error.message),
  )
  late.resolve({ id: 7 })
  assert.deepEqual(await dismissed.promise, { id: 7 })
})

test('an answer in time is handed on, and its failure too', async () => {
  const dismiss = (): void => assert.fail('it was in time')
  assert.equal(await inTime('x', Promise.resolve(3), { dismiss }), 3)
  await assert.rejects(inTime('x', Promise.reject(new Error('no')), { dismiss }), /^Error: no$/)
})
