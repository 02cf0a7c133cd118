import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { giveBack, intoSlabs } from '../../../src/lib/receive-slabs.ts'
import { flowing } from '../../../src/upstream/flowing.ts'
import { heldContent, seededContent } from '../../support/content.ts'

const { bytes } = heldContent(seededContent('received', 8 * 2 ** 20))

// What a socket gives, in the memory that it came in.
async function* received(): AsyncGenerator<Uint8Array> {
  const server = net.createServer((socket) => socket.end(bytes)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const socket = net.connect({ port, host: '127.0.0.1', ...intoSlabs() } as net.NetConnectOpts)
  yield* flowing(socket)
  server.close()
}

test('memory is used again when all that came into it has been given back', async () => {
  const memory = new Set<ArrayBufferLike>()
  const copies: Uint8Array[] = []
  for await (const chunk of received()) {
    memory.add(chunk.buffer)
    copies.push(Buffer.from(chunk))
    giveBack(chunk)
  }
  assert.ok(Buffer.concat(copies).equals(bytes))
  assert.ok(memory.size <= 8, `${memory.size} slabs were used`)
})

test('what was not given back stays as it came', async () => {
  const kept: Uint8Array[] = []
  let n = 0
  for await (const chunk of received()) {
    // One half of a chunk is done with, the other is not.
    if (n++ % 2 === 0) giveBack(chunk.subarray(0, chunk.length / 2))
    kept.push(chunk)
  }
  assert.ok(Buffer.concat(kept).equals(bytes))
})
