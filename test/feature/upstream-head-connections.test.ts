// A HEAD leaves its connection to the next request, as a GET does: lists ask thousands of them.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import {
  MANIFEST,
  MANIFEST_TYPE,
  NAME,
  registryOf,
  sendError,
  sendManifest,
  serve,
  TAG,
} from './upstream-server.ts'

const DIGEST = digestOf(MANIFEST)

// Two: the one that was just used is left alone for a moment.
test('fifty HEADs one after another share two connections', async (t) => {
  const server = await serve(t, (request, response) => sendManifest(response, request))
  const registry = registryOf(t, [server.url])
  for (let n = 0; n < 50; n++) {
    assert.equal((await registry.headManifest(NAME, TAG))?.digest, DIGEST)
  }
  assert.equal(server.asked.length, 50)
  assert.ok(server.connections <= 2, `${server.connections}`)
})

test('fifty HEADs at once share as many connections as there may be', async (t) => {
  const server = await serve(t, (request, response) => sendManifest(response, request))
  const registry = registryOf(t, [server.url], { limits: { connectionsPerOrigin: 4 } })
  await Promise.all(Array.from({ length: 50 }, () => registry.headManifest(NAME, TAG)))
  assert.equal(server.asked.length, 50)
  assert.ok(server.connections <= 4, `${server.connections}`)
})

test('a HEAD that finds nothing leaves its connection too', async (t) => {
  const server = await serve(t, (_, response) => sendError(response, 404))
  const registry = registryOf(t, [server.url])
  for (let n = 0; n < 5; n++) assert.equal(await registry.headManifest(NAME, TAG), undefined)
  assert.ok(server.connections <= 2, `${server.connections}`)
})

// A late one comes when the next request is there already, and would be taken for its answer.
for (const isLate of [false, true]) {
  test(`a body ${isLate ? 'long after' : 'with'} every HEAD: each request has its own answer`, async (t) => {
    const server = await serveBodies(t, isLate)
    const registry = registryOf(t, [server.url])
    for (let n = 0; n < 20; n++) {
      const head = await registry.headManifest(NAME, { tag: `1.${n}` } as never)
      assert.equal(head?.digest, digestOf(Buffer.from(`1.${n}`)))
    }
    const fetched = await registry.getManifest(NAME, TAG)
    assert.deepEqual(Buffer.from(fetched?.bytes ?? []), MANIFEST)
    // It is learnt from: only the first ones are asked again.
    assert.ok(server.asked <= 21 + 2, `${server.asked}`)
  })
}

interface BodyServer {
  readonly url: string
  asked: number
}

// Node's own server keeps to the protocol, so this one is written by hand.
async function serveBodies(t: TestContext, isLate: boolean): Promise<BodyServer> {
  const sockets = new Set<Socket>()
  const asking = { url: '', asked: 0 }
  const server = createServer((socket) => {
    let owed = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      asking.asked += 1
      const [method, path = ''] = data.toString('latin1').split(' ', 2)
      const body = MANIFEST.toString()
      const isHead = method === 'HEAD'
      const head = answerHead(isHead ? digestOf(Buffer.from(path.replace(/.*\//, ''))) : DIGEST)
      socket.write(owed + head + (isHead && isLate ? '' : body))
      owed = isHead && isLate ? body : ''
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  asking.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return asking
}

function answerHead(digest: string): string {
  return (
    `HTTP/1.1 200 OK\r\ncontent-type: ${MANIFEST_TYPE}\r\ncontent-length: ${MANIFEST.length}\r\n` +
    `docker-content-digest: ${digest}\r\n\r\n`
  )
}
