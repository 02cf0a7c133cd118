import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { pairProblem, pairWarning } from '../../../src/tls/check-pair.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'

const NOW = Date.UTC(2026, 0, 15)
const YEAR_MS = 365 * 86_400_000
const PLACES = { certificate: 'box.crt', key: 'box.key' }

const authority = issueAuthority('tests', NOW)
const own = issueServer(authority, ['box.lan'], NOW)
const certificate = own.certificate
const key = own.key.reveal()
const otherKey = issueServer(authority, ['box.lan'], NOW).key.reveal()
const locked = createPrivateKey(key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString()

const SMALL = ['-newkey', 'rsa:1024', '-noenc', '-keyout', '-', '-subj', '/CN=small']
const small = execFileSync('openssl', ['req', '-x509', ...SMALL], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
})

const PROBLEMS: readonly [string, { certificate: string; key: string }, RegExp][] = [
  ['no certificate', { certificate: 'hello', key }, /^box\.crt holds no certificate: give a PEM/],
  ['a key for a certificate', { certificate: key, key }, /^box\.crt holds .* but a private key:/],
  ['no key', { certificate, key: '' }, /^box\.key holds no private key: give a PEM/],
  ['a certificate for a key', { certificate, key: certificate }, /^box\.key .* but a certificate:/],
  ['an encrypted key', { certificate, key: locked }, /^the key in box\.key is encrypted/],
  ['another’s key', { certificate, key: otherKey }, /^the key in box\.key does not belong to/],
  [
    'a chain the wrong way round',
    { certificate: authority.certificate + certificate, key },
    /^box\.crt must begin with the server's own certificate/,
  ],
  [
    'a chain that was cut in its second certificate',
    { certificate: certificate + authority.certificate.slice(0, 300), key },
    /^box\.crt is cut off or damaged after its first certificate \(bad end line\): give/,
  ],
  [
    'a key too small for TLS',
    { certificate: small, key: small },
    /^TLS refuses the certificates in box\.crt \(ee key too small\): have them made/,
  ],
  [
    'an authority’s key too small for TLS',
    { certificate: certificate + small, key },
    /^TLS refuses the certificates in box\.crt \(ca key too small\): have them made/,
  ],
]

for (const [what, pair, sentence] of PROBLEMS) {
  test(`${what} is told in a sentence that shows no key`, () => {
    const problem = pairProblem(pair, PLACES) ?? ''
    assert.match(problem, sentence)
    assert.ok(!problem.includes(key.split('\n')[1] ?? ''))
  })
}

test('a pair is fine alone, with its chain, and in one file', () => {
  for (const text of [certificate, certificate + authority.certificate, key + certificate]) {
    assert.equal(pairProblem({ certificate: text, key }, PLACES), undefined)
  }
  const both = certificate + key
  assert.equal(pairProblem({ certificate: both, key: both }, PLACES), undefined)
})

test('a certificate out of its time is worth a warning', () => {
  assert.equal(pairWarning(certificate, 'box.crt', NOW), undefined)
  assert.match(
    pairWarning(certificate, 'box.crt', NOW + 2 * YEAR_MS) ?? '',
    /expired on 2027-02-15/,
  )
  assert.match(
    pairWarning(certificate, 'box.crt', NOW - YEAR_MS) ?? '',
    /not valid before 2026-01-14/,
  )
})
