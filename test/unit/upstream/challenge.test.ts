import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bearerChallenge, offersBasic, parseChallenges } from '../../../src/upstream/challenge.ts'

const REALM = 'https://auth.test/token'

// [what, headers, realm, service, scope] of the Bearer challenge
const BEARERS: [string, string | string[], string, (string | undefined)?, string?][] = [
  [
    'docker.io',
    `Bearer realm="${REALM}",service="registry.docker.io",scope="repository:a/b:pull"`,
    REALM,
    'registry.docker.io',
    'repository:a/b:pull',
  ],
  ['scheme in any case', `bEaReR realm="${REALM}"`, REALM],
  ['names in any case', `Bearer REALM="${REALM}",Service="s"`, REALM, 's'],
  ['unquoted service', `Bearer realm="${REALM}",service=gcr.io`, REALM, 'gcr.io'],
  ['unquoted realm', `Bearer realm=${REALM}?a=b,service=s`, `${REALM}?a=b`, 's'],
  ['relative realm', 'Bearer realm="/token"', '/token'],
  ['no service', `Bearer realm="${REALM}"`, REALM],
  ['empty service', `Bearer realm="${REALM}",service="",scope="s"`, REALM, undefined, 's'],
  ['empty unquoted service', `Bearer realm="${REALM}",service=,scope=s`, REALM, undefined, 's'],
  ['other order', `Bearer scope="aws",service="s",realm="${REALM}"`, REALM, 's', 'aws'],
  [
    'comma in a string',
    `Bearer realm="${REALM}",scope="r:a:pull,push"`,
    REALM,
    undefined,
    'r:a:pull,push',
  ],
  ['escapes in a string', `Bearer realm="${REALM}",service="a\\"b\\\\c"`, REALM, 'a"b\\c'],
  ['spaces everywhere', `  Bearer   realm = "${REALM}" ,  service = s  `, REALM, 's'],
  ['spaces for commas', `Bearer realm="${REALM}" service="s"`, REALM, 's'],
  ['empty list members', `,, Bearer realm="${REALM}",, service="s",`, REALM, 's'],
  ['Gitea', `Bearer realm="${REALM}",service="s",scope="*",Basic realm="Gitea"`, REALM, 's', '*'],
  ['quay.io', `Basic realm="quay", Bearer realm="${REALM}",service="quay.io"`, REALM, 'quay.io'],
  ['several headers', ['Basic realm="x"', `Bearer realm="${REALM}"`], REALM],
  ['unknown scheme first', `Negotiate YIIx+/==, Bearer realm="${REALM}"`, REALM],
  ['unknown scheme with words', `DPoP algs="ES256 PS256", Bearer realm="${REALM}"`, REALM],
  ['error beside it', `Bearer error="invalid_token",realm="${REALM}"`, REALM],
  ['the first of two', `Bearer realm="${REALM}",realm="https://other.test"`, REALM],
  ['unterminated string', `Bearer service="s",realm="${REALM}`, REALM, 's'],
]

for (const [what, headers, realm, service, scope] of BEARERS) {
  test(`bearer challenge: ${what}`, () => {
    assert.deepEqual(bearerChallenge(parseChallenges(headers)), { realm, service, scope })
  })
}

for (const headers of [
  undefined,
  '',
  [],
  'Basic realm="x"',
  'Bearer',
  'Bearer service="s"',
  '=,"',
]) {
  test(`no bearer challenge in ${JSON.stringify(headers)}`, () => {
    assert.equal(bearerChallenge(parseChallenges(headers)), undefined)
  })
}

for (const [header, offered] of [
  ['Basic realm="x"', true],
  ['BASIC', true],
  [`Bearer realm="${REALM}",scope="*",Basic realm="Gitea"`, true],
  [`Bearer realm="${REALM}",service="Basic x"`, false],
  ['', false],
] as const) {
  test(`Basic is ${offered ? '' : 'not '}offered by ${header}`, () => {
    assert.equal(offersBasic(parseChallenges(header)), offered)
  })
}

test('any text is read without failing', () => {
  const character = fc.constantFrom('a', 'B', ' ', '=', ',', '"', '\\', ';', ':', '\n')
  fc.assert(
    fc.property(fc.string({ unit: character }), (text) => {
      parseChallenges(text)
    }),
  )
})
