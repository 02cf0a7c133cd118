import assert from 'node:assert/strict'
import { once } from 'node:events'
import { renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import tls from 'node:tls'
import type { KeyPair } from '../../src/lib/key-pair.ts'
import { issueAuthority, issueServer } from '../../src/tls/x509.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { rawRequest } from '../support/raw-http.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Setting } from '../support/test-mirror.ts'
import type { TestMirror } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const DAY_MS = 86_400_000
const authority = issueAuthority('tests', Date.now())
const blob = heldContent(seededContent('read again', 5 * MIB + 3))
const PATH = `/v2/app/blobs/${blob.digest}`
const USED = /new connections get the changed certificate/
const KEPT = /the certificate in use stays: /

function pairFor(name: string, now = Date.now()): KeyPair {
  return issueServer(authority, [name, '127.0.0.1'], now)
}

// The two files as Kubernetes mounts them: links into a folder that is a link itself and is swapped.
class Mounted implements AsyncDisposable {
  readonly tls: { kind: 'files'; certificateFile: string; keyFile: string }
  readonly #folder = new TempFolder('tls')
  #version = 0

  constructor(pair: KeyPair) {
    const [certificateFile, keyFile] = ['tls.crt', 'tls.key'].map((name) => {
      symlinkSync(`now/${name}`, this.#folder.join(name))
      return this.#folder.join(name)
    }) as [string, string]
    this.tls = { kind: 'files', certificateFile, keyFile }
    this.swap(pair.certificate, pair.key.reveal())
  }

  swap(certificate: string, key: string): void {
    const folder = new TempFolder(`v${(this.#version += 1)}`, this.#folder.path)
    writeFileSync(folder.join('tls.crt'), certificate)
    writeFileSync(folder.join('tls.key'), key)
    symlinkSync(folder.path, this.#folder.join('next'))
    renameSync(this.#folder.join('next'), this.#folder.join('now'))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#folder.close()
  }
}

async function nameShown(mirror: TestMirror): Promise<string | undefined> {
  const port = Number(new URL(mirror.url).port)
  const socket = tls.connect({ host: '127.0.0.1', port, ca: authority.certificate })
  await once(socket, 'secureConnect')
  const { subjectaltname } = socket.getPeerCertificate()
  socket.destroy()
  return subjectaltname?.split(', ')[0]
}

test('changed files are shown to new connections, and a running download goes on', async () => {
  await using mounted = new Mounted(pairFor('old.test'))
  await using setting = await Setting.start({ tls: mounted.tls })
  const { mirror, upstream } = setting
  assert.equal(await nameShown(mirror), 'DNS:old.test')
  upstream.addBlob('library/app', blob)
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  const url = mirror.url.replace('http:', 'https:') + PATH
  await using running = await rawRequest(url, { ca: authority.certificate })
  await running.read()

  const next = pairFor('new.test')
  mounted.swap(next.certificate, next.key.reveal())
  await mirror.logged(USED)
  assert.equal(await nameShown(mirror), 'DNS:new.test')
  upstream.release()
  const rest = await running.take()
  assert.equal(rest.ending, 'complete')
  assert.equal(running.received, blob.size)
})

test('a certificate whose key is another one’s is not used: the one before stays, and the log says why', async () => {
  await using mounted = new Mounted(pairFor('old.test'))
  await using setting = await Setting.start({ tls: mounted.tls })
  const { mirror } = setting
  mounted.swap(pairFor('new.test').certificate, pairFor('other.test').key.reveal())
  await mirror.logged(KEPT)
  assert.equal(await nameShown(mirror), 'DNS:old.test')
  const [line, ...others] = mirror.lines.filter(({ message }) => KEPT.test(message))
  assert.match(line?.message ?? '', /the key in .*tls\.key does not belong to the certificate in/)
  assert.deepEqual(others, [])
})

test('a chain that is half written is not used, and is once it is whole', async () => {
  await using mounted = new Mounted(pairFor('old.test'))
  await using setting = await Setting.start({ tls: mounted.tls })
  const { mirror } = setting
  const next = pairFor('new.test')
  const chain = next.certificate + authority.certificate
  mounted.swap(chain.slice(0, -100), next.key.reveal())
  await mirror.logged(KEPT)
  assert.equal(await nameShown(mirror), 'DNS:old.test')
  const [line] = mirror.lines.filter(({ message }) => KEPT.test(message))
  assert.match(line?.message ?? '', /tls\.crt is cut off or damaged after its first certificate/)
  assert.ok(!mirror.lines.some(({ message }) => USED.test(message)))

  mounted.swap(chain, next.key.reveal())
  await mirror.logged(USED)
  assert.equal(await nameShown(mirror), 'DNS:new.test')
})

test('an expired certificate is shown with a warning', async () => {
  await using mounted = new Mounted(pairFor('old.test', Date.now() - 500 * DAY_MS))
  await using setting = await Setting.start({ tls: mounted.tls })
  await setting.mirror.logged(/the certificate in .*tls\.crt expired on \d{4}-\d\d-\d\d/)
  assert.equal((await setting.mirror.get('/v2/')).status, 200)
})

test('plain clients are answered where the certificate is somebody else’s, and no authority is offered', async () => {
  await using mounted = new Mounted(pairFor('old.test'))
  await using setting = await Setting.start({ tls: mounted.tls })
  assert.equal((await setting.mirror.get('/v2/')).status, 200)
  assert.equal((await setting.mirror.get('/ca.crt')).status, 404)
})
