import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeAuth,
  loginOfEntry,
  mayHaveLogin,
  parseDockerConfig,
  placesFor,
} from '../../../src/credentials/docker-config.ts'
import { LoginError } from '../../../src/errors.ts'
import type { Login } from '../../../src/upstream/login.ts'

const FILE = '/etc/config.json'
const MARK = 'Tr0ub4dor'

/** What is found, in order: `user:password`, `helper name asked-for`. */
function found(config: unknown, host: string, repository?: string): string[] {
  const parsed = parseDockerConfig(JSON.stringify(config), FILE)
  return placesFor(parsed, host, repository).map((place) => {
    if (place.kind === 'entry') return shown(loginOfEntry(place.entry, FILE))
    return `helper ${place.helper.suffix} ${place.helper.serverUrl}`
  })
}

function shown(login: Login | undefined): string {
  if (login === undefined) return 'nothing'
  if (login.kind === 'password') return `${login.username}:${login.password.reveal()}`
  return `${login.kind} ${login.token.reveal()}`
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
const HUB_KEY = 'https://index.docker.io/v1/'

// [what, config, host, repository, found]
const LOOKUPS: [string, unknown, string, string | undefined, string[]][] = [
  ['a plain host', { auths: { 'ghcr.io': auth('me:pw') } }, 'ghcr.io', undefined, ['me:pw']],
  ['another host', { auths: { 'ghcr.io': auth('me:pw') } }, 'quay.io', undefined, []],
  ['a port counts', { auths: { 'a.test:5000': auth('me:pw') } }, 'a.test', undefined, []],
  ['a host with a port', { auths: { 'a.test:5000': auth('m:p') } }, 'a.test:5000', 'x', ['m:p']],
  ['any case', { auths: { 'GHCR.io': auth('me:pw') } }, 'ghcr.io', undefined, ['me:pw']],
  ['a URL', { auths: { 'https://a.test/v1/': auth('me:pw') } }, 'a.test', undefined, ['me:pw']],
  ['http', { auths: { 'http://a.test/x/y': auth('me:pw') } }, 'a.test', 'other', ['me:pw']],
  ['/v2/ after the host', { auths: { 'a.test/v2/': auth('me:pw') } }, 'a.test', 'x', ['me:pw']],
  ['Docker Hub', { auths: { [HUB_KEY]: auth('me:pw') } }, 'docker.io', undefined, ['me:pw']],
  [
    'Docker Hub by its endpoint',
    { auths: { [HUB_KEY]: auth('m:p') } },
    'registry-1.docker.io',
    'x',
    ['m:p'],
  ],
  [
    'podman’s name of it',
    { auths: { 'docker.io': auth('me:pw') } },
    'docker.io',
    undefined,
    ['me:pw'],
  ],
  [
    'its plain name first',
    { auths: { [HUB_KEY]: auth('a:1'), 'docker.io': auth('b:2') } },
    'docker.io',
    undefined,
    ['b:2', 'a:1'],
  ],
  [
    'colons in the password',
    { auths: { 'a.test': auth('me:p:w:') } },
    'a.test',
    undefined,
    ['me:p:w:'],
  ],
  [
    'NULs after the password',
    { auths: { 'a.test': auth('me:pw\0\0') } },
    'a.test',
    undefined,
    ['me:pw'],
  ],
  [
    'plain keys',
    { auths: { 'a.test': { username: 'me', password: 'pw' } } },
    'a.test',
    undefined,
    ['me:pw'],
  ],
  [
    'auth before plain keys',
    { auths: { 'a.test': { ...auth('me:pw'), username: 'x', password: 'y' } } },
    'a.test',
    undefined,
    ['me:pw'],
  ],
  [
    'an identity token',
    { auths: { 'a.test': { ...auth('me:pw'), identitytoken: 'idt' } } },
    'a.test',
    undefined,
    ['identity-token idt'],
  ],
  [
    'a registry token',
    { auths: { 'a.test': { registrytoken: 'rt', identitytoken: 'idt' } } },
    'a.test',
    undefined,
    ['registry-token rt'],
  ],
  [
    '<token> as user name',
    { auths: { 'a.test': auth('<token>:idt') } },
    'a.test',
    undefined,
    ['identity-token idt'],
  ],
  ['an empty entry', { auths: { 'a.test': {} } }, 'a.test', undefined, ['nothing']],
  ['.dockercfg', { 'a.test': auth('me:pw') }, 'a.test', undefined, ['me:pw']],
  [
    'a repository’s own',
    {
      auths: {
        'a.test': auth('all:1'),
        'a.test/org': auth('org:2'),
        'a.test/org/app': auth('app:3'),
      },
    },
    'a.test',
    'org/app',
    ['app:3', 'org:2', 'all:1'],
  ],
  [
    'one level up',
    { auths: { 'a.test/org': auth('org:2'), 'a.test/org/app': auth('app:3') } },
    'a.test',
    'org/other',
    ['org:2'],
  ],
  [
    'whole components only',
    { auths: { 'a.test/org': auth('org:2') } },
    'a.test',
    'organisation/app',
    [],
  ],
  ['no repository asked for', { auths: { 'a.test/org': auth('org:2') } }, 'a.test', undefined, []],
  [
    'a helper for the host',
    { credHelpers: { 'a.test': 'own' }, credsStore: 'all', auths: { 'a.test': auth('me:pw') } },
    'a.test',
    undefined,
    ['helper own a.test', 'me:pw'],
  ],
  [
    'a helper for all',
    { credsStore: 'all', auths: { 'a.test': {} } },
    'a.test',
    undefined,
    ['helper all a.test', 'nothing'],
  ],
  [
    'a helper for all, Docker Hub',
    { credsStore: 'all' },
    'docker.io',
    undefined,
    [`helper all ${HUB_KEY}`],
  ],
  [
    'a helper for Docker Hub',
    { credHelpers: { 'docker.io': 'own' } },
    'registry-1.docker.io',
    undefined,
    ['helper own docker.io'],
  ],
  [
    'a helper of no name: the file',
    { credHelpers: { 'a.test': '' }, credsStore: 'all', auths: { 'a.test': auth('me:pw') } },
    'a.test',
    undefined,
    ['me:pw'],
  ],
  [
    'keys of other kinds',
    {
      auths: { 'a.test': 'x', b: null },
      credHelpers: { 'a.test': 7 },
      credsStore: '',
      proxies: {},
      HttpHeaders: {},
    },
    'a.test',
    undefined,
    [],
  ],
]

for (const [what, config, host, repository, expected] of LOOKUPS) {
  test(`lookup: ${what}`, () => {
    assert.deepEqual(found(config, host, repository), expected)
    const parsed = parseDockerConfig(JSON.stringify(config), FILE)
    if (expected.length > 0) assert.ok(mayHaveLogin(parsed, host))
  })
}

for (const text of ['', '[]', 'null', '7', `{"auths":{"a":"${MARK}"`, `${MARK}`]) {
  test(`not a config: ${text}`, () => {
    const wanted = { name: 'LoginError', message: `${FILE} is not JSON as docker login writes it` }
    assert.throws(() => parseDockerConfig(text, FILE), wanted)
  })
}

const BAD_ENTRIES: [string, object, RegExp][] = [
  ['no base64', { auth: `${MARK}:pw` }, /is not base64 of USER:PASSWORD$/],
  ['no colon', auth(MARK), /is not base64 of USER:PASSWORD$/],
  ['no user', auth(`:${MARK}`), /without a user name$/],
  ['no password', auth('me:'), /without a password$/],
  ['a control character', auth(`m\ne:${MARK}`), /colon or control character/],
  ['a token of two lines', { identitytoken: `${MARK}\nx` }, /characters that no token has$/],
]

for (const [what, entry, message] of BAD_ENTRIES) {
  test(`a bad entry is said without its secret: ${what}`, () => {
    const error = caught(() => found({ auths: { 'a.test': entry } }, 'a.test'))
    assert.match(error.message, message)
    assert.match(error.message, /^\/etc\/config\.json: auths "a\.test" /)
    assert.ok(!error.message.includes(MARK))
  })
}

function caught(run: () => unknown): LoginError {
  try {
    run()
  } catch (error) {
    if (error instanceof LoginError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('whatever login is written is read again', () => {
  const user = fc.stringMatching(/^[^:\p{Cc}\ud800-\udfff]+$/u).filter((text) => text !== '<token>')
  const password = fc
    .string({ minLength: 1, unit: 'binary' })
    .filter((text) => !text.endsWith('\0'))
  fc.assert(
    fc.property(user, password, (username, secret) => {
      const config = { auths: { 'a.test': { auth: encodeAuth(username, secret) } } }
      assert.deepEqual(found(config, 'a.test'), [`${username}:${secret}`])
    }),
  )
})

test('any JSON is read without failing in another way', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, host) => {
      try {
        found(value, host, 'a/b')
        found({ auths: value, credHelpers: value, credsStore: value }, host, 'a/b')
      } catch (error) {
        assert.ok(error instanceof LoginError)
      }
    }),
  )
})
