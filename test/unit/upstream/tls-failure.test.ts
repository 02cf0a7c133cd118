import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsWords } from '../../../src/upstream/tls-failure.ts'

// [code of Node, words]
const CODES: [string, RegExp | undefined][] = [
  ['SELF_SIGNED_CERT_IN_CHAIN', /--ca ghcr\.io=FILE$/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /--ca ghcr\.io=FILE$/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /--ca ghcr\.io=FILE$/],
  ['CERT_HAS_EXPIRED', /has expired/],
  ['CERT_NOT_YET_VALID', /check the clock/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /write http:\/\//],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /write http:\/\//],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    /^wants a client certificate: .* --client-cert ghcr\.io=FILE$/,
  ],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /wants a client certificate that it knows/],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', /wants a client certificate that it knows/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /wants a client certificate that it knows/],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', /perhaps it wants a client certificate/],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', /certificate that has not expired/],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', undefined],
  ['ECONNREFUSED', undefined],
]

for (const [code, words] of CODES) {
  test(`${code} says ${words ? 'what to do' : 'nothing of ours'}`, () => {
    const said = tlsWords(code, new Error('as OpenSSL puts it'), 'ghcr.io')
    if (words) assert.match(said ?? '', words)
    else assert.equal(said, undefined)
  })
}

test('a certificate for other names says which they are', () => {
  const cert = { subjectaltname: 'DNS:registry.test, IP Address:10.0.0.5' }
  const error = Object.assign(new Error('no match'), { cert })
  const wanted = /^has a certificate for registry\.test, 10\.0\.0\.5, not for this name/
  assert.match(tlsWords('ERR_TLS_CERT_ALTNAME_INVALID', error, 'ghcr.io') ?? '', wanted)
})
