// Whatever form a secret comes back in, it is recognized.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../../src/lib/secret.ts'
import type { Login } from '../../../src/upstream/login.ts'
import { secretsOf, withoutSecrets } from '../../../src/upstream/sent-secrets.ts'

const PASSWORD = `p4ss "wörd"&+/=<\\>'ß🔑`
const LOGIN: Login = { kind: 'password', username: 'robot', password: new Secret(PASSWORD) }

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

const escapedNonAscii = JSON.stringify(PASSWORD).replace(
  /[^ -~]/g,
  (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
)

const WRITINGS: readonly (readonly [string, string])[] = [
  ['as it is', PASSWORD],
  ['in a URL', encodeURIComponent(PASSWORD)],
  ['in a URL, in small letters', encodeURIComponent(PASSWORD).toLowerCase()],
  ['in a form', new URLSearchParams({ a: PASSWORD }).toString().slice(2)],
  ['in JSON', JSON.stringify(PASSWORD)],
  ['in JSON of ASCII only', escapedNonAscii],
  [
    'in JSON as Go writes it',
    JSON.stringify(PASSWORD).replace(/[&<>]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  ],
  [
    'in HTML',
    PASSWORD.replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&#34;')
      .replaceAll("'", '&#39;'),
  ],
  ['in the wrong charset', Buffer.from(PASSWORD).toString('latin1')],
  ['as Basic', `Basic ${base64(`robot:${PASSWORD}`)}`],
  ['as Basic without padding', base64(`robot:${PASSWORD}`).replace(/=+$/, '')],
  ['as base64url', Buffer.from(`robot:${PASSWORD}`).toString('base64url')],
]

for (const [name, writing] of WRITINGS) {
  test(`a password ${name} is taken out`, () => {
    const shown = withoutSecrets(`no such login: ${writing}, robot`, secretsOf(LOGIN))
    assert.match(shown, /^no such login: (Basic )?"?\*\*\*=*"?, robot$/)
  })
}

test('tokens and identity tokens are taken out, the one that was sent too', () => {
  const token = { kind: 'identity-token', token: new Secret('identity.abc') } as const
  const secrets = secretsOf(token, 'Bearer eyJ.token-_~')
  const shown = withoutSecrets(`identity.abc ${base64(':identity.abc')} eyJ.token-_~ kept`, secrets)
  assert.match(shown, /^\*\*\* \*\*\*=* \*\*\* kept$/)
})

test('a token that begins with the password leaves nothing of itself', () => {
  const secrets = secretsOf({ ...LOGIN, password: new Secret('robot') }, 'Bearer robot_and_more')
  assert.equal(withoutSecrets('got robot_and_more', secrets), 'got ***')
})

test('without secrets a text stays as it is', () => {
  assert.equal(withoutSecrets('a (b) c', secretsOf(undefined)), 'a (b) c')
})
