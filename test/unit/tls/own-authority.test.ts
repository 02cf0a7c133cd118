import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError } from '../../../src/errors.ts'
import { namesOf } from '../../../src/tls/check-pair.ts'
import { OwnAuthority } from '../../../src/tls/own-authority.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const DAY_MS = 86_400_000

// A box whose clock and names the test moves.
class Box implements AsyncDisposable {
  now = Date.UTC(2026, 0, 15)
  names = ['box', '10.0.0.5']
  readonly lines: string[] = []
  readonly temp = new TempFolder('authority')
  readonly folder = this.temp.join('tls')

  open(): Promise<OwnAuthority> {
    const say = (line: string): void => void this.lines.push(line)
    const log = { debug: say, info: say, warn: say, error: say }
    const { folder } = this
    const names = () => this.names
    return OwnAuthority.open({ folder, hostName: 'box', names, log, now: () => this.now })
  }

  mode(file: string): number {
    return statSync(`${this.folder}/${file}`).mode & 0o777
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.temp.close()
  }
}

test('what is made is kept, and nobody else may read the keys', async () => {
  await using box = new Box()
  const authority = await box.open()
  const pair = await authority.first()
  const again = await box.open()
  assert.equal(again.certificate, authority.certificate)
  assert.deepEqual((await again.first()).certificate, pair.certificate)
  assert.deepEqual([box.mode('ca.key'), box.mode('server.key')], [0o600, 0o600])
  assert.deepEqual(readdirSync(box.folder).sort(), ['ca.crt', 'ca.key', 'server.crt', 'server.key'])
})

test('a certificate is made anew when less than a third of its time is left', async () => {
  await using box = new Box()
  const authority = await box.open()
  const first = await authority.first()
  box.now += 260 * DAY_MS
  assert.equal(await authority.next(), undefined)
  box.now += 10 * DAY_MS
  const second = await authority.next()
  const [from, to] = [first, second].map((pair) => new X509Certificate(pair?.certificate ?? ''))
  assert.ok(Number(to?.validToDate) > Number(from?.validToDate))
  assert.ok(to?.verify(new X509Certificate(authority.certificate).publicKey))
  assert.equal(await authority.next(), undefined)
})

test('a name that comes makes a new certificate, one that goes does not', async () => {
  await using box = new Box()
  const authority = await box.open()
  await authority.first()
  box.names = ['box']
  assert.equal(await authority.next(), undefined)
  box.names = ['box', '10.0.0.6']
  assert.deepEqual(namesOf((await authority.next())?.certificate ?? ''), box.names)
  assert.match(box.lines.at(-1) ?? '', /10\.0\.0\.6 came to the box's names/)
})

test('why a renewal cannot be written is told', async () => {
  await using box = new Box()
  const authority = await box.open()
  await authority.first()
  rmSync(box.folder, { recursive: true })
  box.names = ['box', '10.0.0.6']
  await assert.rejects(authority.next(), /^ConfigError: .*cannot be used \(ENOENT\)/)
})

test('a half-made server certificate is made anew under the same authority', async () => {
  await using box = new Box()
  const authority = await box.open()
  await authority.first()
  writeFileSync(`${box.folder}/server.key`, readFileSync(`${box.folder}/ca.key`))
  const again = await box.open()
  const pair = await again.first()
  assert.equal(again.certificate, authority.certificate)
  const ca = new X509Certificate(authority.certificate)
  assert.ok(new X509Certificate(pair.certificate).verify(ca.publicKey))
})

test('an authority that was never finished is made anew', async () => {
  await using box = new Box()
  await (await box.open()).first()
  rmSync(`${box.folder}/ca.crt`)
  const again = await box.open()
  const pair = await again.first()
  const ca = new X509Certificate(again.certificate)
  assert.ok(new X509Certificate(pair.certificate).verify(ca.publicKey))
})

test('an authority that lost its key is not replaced in silence', async () => {
  await using box = new Box()
  await box.open()
  rmSync(`${box.folder}/ca.key`)
  await assert.rejects(box.open(), (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    assert.match(error.message, /ca\.key holds no private key.*every client has to trust anew/)
    return true
  })
})
