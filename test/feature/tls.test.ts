import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { within } from '../../src/lib/within.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { status } from '../support/scripted-reply.ts'
import { Setting } from '../support/test-mirror.ts'
import type { TestMirror } from '../support/test-mirror.ts'
import { rawRequest } from '../support/raw-http.ts'
import type { RawRequest, RawResponse } from '../support/raw-http.ts'
import { awaitedLater } from '../support/wait-until.ts'
import { connectTo, untilClosed } from './raw-talk.ts'

const MIB = 2 ** 20
const LIMIT_MS = 15_000
const blob = heldContent(seededContent('over tls', 5 * MIB + 3))
const PATH = `/v2/app/blobs/${blob.digest}`
const WHOLE = { expect: { bytes: blob.bytes } }
const SELF = { tls: { kind: 'self', names: ['mirror.test'] } } as const

async function started(): Promise<Setting> {
  const setting = await Setting.start(SELF)
  setting.upstream.addBlob('library/app', blob)
  return setting
}

async function authorityOf(mirror: TestMirror): Promise<string> {
  const { status, headers, body } = await mirror.get('/ca.crt')
  assert.equal(status, 200)
  assert.equal(headers.get('content-type'), 'application/x-x509-ca-cert')
  return body.toString()
}

async function openSecure(
  mirror: TestMirror,
  path: string,
  request: RawRequest = {},
): Promise<RawResponse> {
  const ca = request.ca ?? (await authorityOf(mirror))
  return await rawRequest(mirror.url.replace('http:', 'https:') + path, { ...request, ca })
}

async function handshake(mirror: TestMirror, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const ca = await authorityOf(mirror)
  const port = Number(new URL(mirror.url).port)
  const socket = tls.connect({ host: '127.0.0.1', port, ca, ...options })
  await once(socket, 'secureConnect')
  return socket
}

test('one port gives the same blob by http and by https', async () => {
  await using setting = await started()
  const { mirror } = setting
  for (const open of [openSecure, (_: TestMirror, path: string) => mirror.open(path)]) {
    await using response = await open(mirror, PATH)
    assert.equal(response.status, 200)
    assert.equal((await response.take(WHOLE)).ending, 'complete')
  }
  assert.equal(setting.asked().length, 1)
})

test('the authority is the same after a restart, and so is the certificate', async () => {
  await using setting = await started()
  const { mirror } = setting
  const authority = await authorityOf(mirror)
  const shown = async () => {
    const socket = await handshake(mirror)
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  const before = await shown()
  await mirror.restart()
  assert.equal(await authorityOf(mirror), authority)
  assert.equal(await shown(), before)
  assert.equal(new X509Certificate(authority).ca, true)
})

test('the certificate holds for the names that the operator adds', async () => {
  await using setting = await started()
  const socket = await handshake(setting.mirror)
  const { subjectaltname = '' } = socket.getPeerCertificate()
  socket.destroy()
  assert.ok(subjectaltname.split(', ').includes('DNS:mirror.test'), subjectaltname)
})

test('HTTP/1.1 is what a client gets that offers HTTP/2 too', async () => {
  await using setting = await started()
  const socket = await handshake(setting.mirror, { ALPNProtocols: ['h2', 'http/1.1'] })
  assert.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
})

test('several requests are answered on one TLS connection', async () => {
  await using setting = await started()
  const socket = await handshake(setting.mirror)
  const request = 'GET /v2/ HTTP/1.1\r\nHost: mirror\r\n'
  let received = ''
  socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')))
  for (let n = 1; n <= 3; n += 1) {
    socket.write(`${request}\r\n`)
    while (received.split('{}').length <= n) await once(socket, 'data')
  }
  assert.equal(received.match(/HTTP\/1\.1 200 /g)?.length, 3)
  socket.destroy()
})

test('32 parallel hits over TLS are right to the byte', async () => {
  await using setting = await started()
  const { mirror } = setting
  assert.equal((await mirror.get(PATH)).status, 200)
  await mirror.published(blob.digest)
  const ca = await authorityOf(mirror)
  const endings = await Promise.all(
    Array.from({ length: 32 }, async () => {
      await using response = await openSecure(mirror, PATH, { ca })
      return (await response.take(WHOLE)).ending
    }),
  )
  assert.deepEqual(new Set(endings), new Set(['complete']))
  assert.equal(setting.asked().length, 1)
})

test('a download that breaks off over TLS ends short of its length and by FIN', async () => {
  await using setting = await started()
  const cut = { after: 3 * MIB, by: 'fin' } as const
  for (const reply of [{ cut }, status(403)]) {
    setting.upstream.script({ method: 'GET', times: 1, reply })
  }
  await using response = await openSecure(setting.mirror, PATH)
  assert.equal(response.headers.get('content-length'), String(blob.size))
  const { bytes, ending } = await response.take(WHOLE)
  assert.equal(ending, 'fin')
  assert.ok(bytes < blob.size)
})

// How long a fill waits for a body without a length to end before it answers without one.
const PATIENCE_MS = 20_000
const PATIENCE = { skip: ON_BINARY && 'shortens the wait for a size' }

function makeImpatient(t: TestContext): void {
  const real = setTimeout
  t.mock.method(globalThis, 'setTimeout', ((run: () => void, ms?: number, ...rest: []) =>
    real(run, ms === PATIENCE_MS ? 1 : ms, ...rest)) as typeof setTimeout)
}

// Not every client asks whether TLS was ended in good order.
for (const [what, flip] of [
  ['wrong content of unknown size is a reset', blob.size - 1],
  ['right content of unknown size is a clean end', undefined],
] as const) {
  test(`to an HTTP/1.0 client over TLS ${what}`, PATIENCE, async (t) => {
    makeImpatient(t)
    await using setting = await started()
    const stalled = { chunked: true, stall: { after: 3 * MIB } }
    const reply = flip === undefined ? stalled : { ...stalled, flip }
    setting.upstream.script({ path: '/blobs/', times: 1, reply })
    const socket = await handshake(setting.mirror)
    socket.write(`GET ${PATH} HTTP/1.0\r\nHost: mirror\r\n\r\n`)
    socket.once('data', () => setting.upstream.release())
    assert.equal((await untilClosed(socket)).isReset, flip !== undefined)
  })
}

test('a drain ends although TLS clients are silent, half way through a handshake, or idle', async () => {
  await using setting = await started()
  const { mirror } = setting
  const silent = await connectTo(mirror.url)
  const halfWay = await connectTo(mirror.url)
  halfWay.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  const idle = await handshake(mirror)
  idle.on('error', () => undefined)
  try {
    assert.notEqual(await within(LIMIT_MS, mirror.drain()), 'slow')
  } finally {
    for (const socket of [silent, halfWay, idle]) socket.destroy()
  }
})

test('a drain lets a download over TLS end', async () => {
  await using setting = await started()
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  await using response = await openSecure(mirror, PATH)
  await response.read()
  const drained = awaitedLater(mirror.drain())
  upstream.release()
  assert.equal((await response.take()).ending, 'complete')
  await drained
})

test('without an authority of its own the mirror says so at /ca.crt', async () => {
  await using setting = await Setting.start()
  const { status, body } = await setting.mirror.get('/ca.crt')
  assert.equal(status, 404)
  assert.match(body.toString(), /no authority to trust/)
})

// Clients that are told not to insist on TLS try it first, and know plain HTTP by this answer.
test('a TLS hello on a plain port is answered in plain HTTP, and nothing is logged', async () => {
  await using setting = await Setting.start()
  const { mirror } = setting
  const port = Number(new URL(mirror.url).port)
  const secure = tls.connect({ host: '127.0.0.1', port })
  const [error] = (await once(secure, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ERR_SSL_WRONG_VERSION_NUMBER')

  const raw = await connectTo(mirror.url)
  raw.write(Buffer.from([0x16, 0x03, 0x01, 0x06, 0x00, 0x01, 0x00, 0x05, 0xfc, 0x03, 0x03]))
  const { received } = await untilClosed(raw)
  assert.match(received.toString('latin1'), /^HTTP\/1\.1 400 /)
  assert.deepEqual(
    mirror.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})
