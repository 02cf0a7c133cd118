import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { namesOf } from '../../../src/tls/check-pair.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'

const NOW = Date.UTC(2026, 0, 15)
const DAY_MS = 86_400_000
const NAMES = ['localhost', 'box.lan', '*.box.lan', '127.0.0.1', '::1', 'fd00::1:2']

const authority = issueAuthority('regmirror on box', NOW)
const ca = new X509Certificate(authority.certificate)
const pair = issueServer(authority, NAMES, NOW)
const server = new X509Certificate(pair.certificate)

test('the authority signs itself and may sign servers for ten years', () => {
  assert.ok(ca.ca)
  assert.ok(ca.verify(ca.publicKey))
  assert.ok(ca.checkPrivateKey(createPrivateKey(authority.key.reveal())))
  assert.equal(ca.validToDate.getUTCFullYear(), 2036)
})

test('the server’s certificate is by that authority, for its names and for servers only', () => {
  assert.ok(server.checkIssued(ca))
  assert.ok(server.verify(ca.publicKey))
  assert.ok(!server.ca)
  assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.deepEqual(namesOf(pair.certificate), NAMES)
  assert.equal(server.checkHost('docker.box.lan'), '*.box.lan')
  assert.equal(server.checkHost('other.lan'), undefined)
  assert.equal(server.checkIP('::1'), '::1')
})

test('a server’s certificate is valid for no more than 397 days, and for clocks a little behind', () => {
  const [from, to] = [server.validFromDate.getTime(), server.validToDate.getTime()]
  assert.ok(to - from <= 397 * DAY_MS)
  assert.ok(from < NOW)
})

test('two authorities do not vouch for each other’s servers', () => {
  const other = new X509Certificate(issueAuthority('regmirror on box', NOW).certificate)
  assert.notEqual(other.serialNumber, ca.serialNumber)
  assert.ok(!server.verify(other.publicKey))
})

test('a long host name makes no authority that nobody can read', () => {
  const { certificate } = issueAuthority(`regmirror on ${'x'.repeat(80)}`, NOW)
  assert.equal(new X509Certificate(certificate).subject.length, 'CN='.length + 64)
})
