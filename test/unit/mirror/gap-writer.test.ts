// What of a download is in memory only, and how few writes it takes.
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { intoSlabs } from '../../../src/lib/receive-slabs.ts'
import { GapWriter } from '../../../src/mirror/gap-writer.ts'
import type { StagedBlob } from '../../../src/store/blob-store.ts'
import { flowing } from '../../../src/upstream/flowing.ts'
import { Agent, buildConnector } from '../../../src/upstream/undici.ts'

const KIB = 1024
const MIB = 1024 * KIB

// A staged file whose writes take so many turns each.
class SlowStaged implements Pick<StagedBlob, 'isNoted' | 'write'> {
  readonly isNoted = true
  readonly writes: number[] = []
  writtenBytes = 0
  readonly #turns: number
  readonly #duringWrite: () => void

  constructor(turns: number, duringWrite = (): void => undefined) {
    this.#turns = turns
    this.#duringWrite = duringWrite
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    assert.equal(position, this.writtenBytes)
    for (let n = 0; n < this.#turns; n += 1) {
      await turn()
      this.#duringWrite()
    }
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    this.writes.push(bytes)
    this.writtenBytes += bytes
  }
}

function writerOf(staged: SlowStaged): GapWriter {
  return new GapWriter(staged as unknown as StagedBlob, 0, () => undefined)
}

const endings: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

// A body of an upstream that sends as fast as it is read, and the connection that it comes over.
async function upstreamBody(
  size: number,
): Promise<{ body: AsyncIterable<Uint8Array>; socket: Socket }> {
  const server = http.createServer((_, response) => {
    response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size))
  })
  endings.push(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let socket: Socket | undefined
  const connected = channel('undici:client:connected')
  const notice = (message: unknown) => ({ socket } = message as { socket: Socket })
  connected.subscribe(notice)
  const agent = new Agent({ connect: buildConnector(intoSlabs() as buildConnector.BuildOptions) })
  endings.push(() => agent.destroy())
  const answer = await agent.request({
    origin: `http://127.0.0.1:${port}`,
    path: '/',
    method: 'GET',
  })
  connected.unsubscribe(notice)
  assert.ok(socket)
  return { body: flowing(answer.body), socket }
}

test('a killed process loses less than 1 MiB of what a connection has given it', async () => {
  const size = 24 * MIB
  const { body, socket } = await upstreamBody(size)
  let most = 0
  const staged = new SlowStaged(100, () => {
    most = Math.max(most, socket.bytesRead - staged.writtenBytes)
  })
  const writer = writerOf(staged)
  for await (const chunk of body) await writer.add(chunk)
  await writer.flushed()
  assert.equal(staged.writtenBytes, size)
  assert.ok(most < MIB, `${most} bytes were in memory only`)
  assert.ok(most > 512 * KIB, `no more than ${most} bytes came in while a write ran`)
})

test('what comes in as fast as it is written is written in few steps', async () => {
  const staged = new SlowStaged(1)
  const writer = writerOf(staged)
  const chunk = new Uint8Array(16 * KIB)
  for (let n = 0; n < 640; n += 1) {
    await writer.add(chunk)
    await turn()
  }
  await writer.flushed()
  assert.equal(staged.writtenBytes, 10 * MIB)
  assert.ok(staged.writes.length <= 160, `${staged.writes.length} writes`)
})

test('what upstream does not follow up is written all the same', async () => {
  const staged = new SlowStaged(1)
  const written = Promise.withResolvers<undefined>()
  const arrived = (_: number, to: number): undefined => {
    if (to === 3) written.resolve(undefined)
  }
  const writer = new GapWriter(staged as unknown as StagedBlob, 0, arrived)
  await writer.add(new Uint8Array(1))
  // While the first is being written.
  await turn()
  await writer.add(new Uint8Array(2))
  await written.promise
  assert.equal(staged.writtenBytes, 3)
})

test('a write that fails is told to whoever waits for room', async () => {
  const failure = new Error('the disk is full')
  const staged = { isNoted: true, write: () => turn().then(() => Promise.reject(failure)) }
  const writer = new GapWriter(staged as unknown as StagedBlob, 0, () => undefined)
  await assert.rejects(writer.add(new Uint8Array(MIB)), failure)
  await assert.rejects(writer.add(new Uint8Array(1)), failure)
  await assert.rejects(writer.flushed(), failure)
})
