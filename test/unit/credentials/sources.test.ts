// Where a registry's login comes from: files that change, helpers, and which of them decides.
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { createCredentials } from '../../../src/credentials/registry-credentials.ts'
import {
  removeLogin,
  storeLogin,
  storedLoginsPath,
} from '../../../src/credentials/stored-logins.ts'
import { plainRegistry } from '../../../src/config/config.ts'
import type { CredentialSource } from '../../../src/config/config.ts'
import { LoginError } from '../../../src/errors.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import type { Credentials, Login } from '../../../src/upstream/login.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const MARK = 'Tr0ub4dor'
const folder = new TempFolder('logins')
after(() => folder.close())
let files = 0

function file(text: string, mode = 0o600): string {
  const name = folder.join(`file-${(files += 1)}`)
  writeFileSync(name, text, { mode })
  return name
}

function dataFolder(): string {
  return path.dirname(new TempFolder('data', folder.path).join('x'))
}

interface Given {
  readonly own?: CredentialSource
  readonly data?: string
  readonly dockerConfig?: string
  readonly endpoint?: string
  readonly now?: () => number
}

function credentialsOf({ own, data = dataFolder(), dockerConfig, endpoint, now }: Given) {
  const endpoints = [new URL(endpoint ?? 'https://a.test')]
  const registries = new Map([['a.test', { ...plainRegistry, endpoints, credentials: own }]])
  return createCredentials({ data, dockerConfig, registries }, now ?? Date.now).get('a.test')
}

async function shown(credentials: Credentials | undefined, refused?: Login): Promise<string> {
  try {
    const found = await credentials?.login(undefined, refused)
    return found ? textOf(found.login) : 'none'
  } catch (error) {
    if (error instanceof LoginError) return `error: ${error.message}`
    throw error
  }
}

function textOf(login: Login): string {
  return login.kind === 'password'
    ? `${login.username}:${login.password.reveal()}`
    : `${login.kind} ${login.token.reveal()}`
}

function password(username: string, secret: string): Login {
  return { kind: 'password', username, password: new Secret(secret) }
}

function dockerConfig(login: string, host = 'a.test'): string {
  return file(
    JSON.stringify({ auths: { [host]: { auth: Buffer.from(login).toString('base64') } } }),
  )
}

/** A helper in PATH; what it does is a shell script that sees the server's name in $server. */
function helper(script: string): { readonly name: string; readonly runs: () => number } {
  const name = `test${(files += 1)}`
  const log = folder.join(`${name}.log`)
  const program = folder.join(`docker-credential-${name}`)
  writeFileSync(program, `#!/bin/sh\necho "$@" >> ${log}\nread server\n${script}\n`)
  chmodSync(program, 0o755)
  process.env['PATH'] = `${folder.path}:${process.env['PATH']?.replace(`${folder.path}:`, '')}`
  return {
    name,
    runs: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0),
  }
}

test('the registry’s own login, then the stored one, then the config for all', async () => {
  const data = dataFolder()
  const all = dockerConfig('all:3')
  assert.equal(await shown(credentialsOf({ data })), 'none')
  assert.equal(await shown(credentialsOf({ data, dockerConfig: all })), 'all:3')
  await storeLogin(data, 'a.test', password('stored', '2'))
  assert.equal(await shown(credentialsOf({ data, dockerConfig: all })), 'stored:2')
  const own = { kind: 'login', username: 'own', password: new Secret('1') } as const
  assert.equal(await shown(credentialsOf({ own, data, dockerConfig: all })), 'own:1')
  const inFile = { kind: 'file', path: file('mine:0\nmore') } as const
  assert.equal(await shown(credentialsOf({ own: inFile, data })), 'mine:0')
  const none = { kind: 'none' } as const
  assert.equal(credentialsOf({ own: none, data, dockerConfig: all }), undefined)
})

test('what to do about a login that is refused, or cannot be had, depends on where it comes from', async () => {
  const data = dataFolder()
  const store = 'store one with "regmirror login a.test"'
  const there = 'put a working one there'
  const broken = file('{"auths":{"a.test":{"auth":"?"}}}')
  const gone = folder.join('nothing')
  const own = (path: string) => ({ own: { kind: 'docker-config', path } }) as const
  const cases: [Given, string][] = [
    [
      { own: { kind: 'login', username: 'own', password: new Secret('1') } },
      `${there} and start the mirror anew`,
    ],
    [{ own: { kind: 'file', path: file('me:0') } }, there],
    [{ own: { kind: 'file', path: gone } }, there],
    [own(dockerConfig('me:1')), there],
    [own(broken), there],
    [{ dockerConfig: dockerConfig('me:2') }, `${there}, or ${store}`],
    [{ dockerConfig: broken }, `${there}, or ${store}`],
    [{ data }, store],
  ]
  await storeLogin(data, 'a.test', password('stored', '2'))
  for (const [given, wanted] of cases) {
    const found = credentialsOf(given)?.login()
    const remedy = await found?.then(
      (login) => login?.remedy,
      (error: LoginError) => error.remedy,
    )
    assert.equal(remedy, wanted, JSON.stringify(given))
  }
})

test('a config.json of the registry’s own that has nothing for it leaves the others their turn', async () => {
  const own = { kind: 'docker-config', path: dockerConfig('x:y', 'other.test') } as const
  assert.equal(await shown(credentialsOf({ own, dockerConfig: dockerConfig('all:3') })), 'all:3')
})

test('a config.json may know the registry by its endpoint', async () => {
  const config = dockerConfig('me:pw', '10.0.0.5:5000')
  const endpoint = 'http://10.0.0.5:5000'
  assert.equal(await shown(credentialsOf({ dockerConfig: config, endpoint })), 'me:pw')
})

test('the repository decides where a config.json has keys for repositories', async () => {
  const auth = Buffer.from('org:pw').toString('base64')
  const credentials = credentialsOf({
    dockerConfig: file(JSON.stringify({ auths: { 'a.test/org': { auth } } })),
  })
  assert.equal(credentials?.mayExist, true)
  const login = async (name: string) => await credentials?.login(parseRepositoryName(name))
  assert.equal((await login('org/app'))?.login.kind, 'password')
  assert.equal(await login('other/app'), undefined)
})

test('a file that changes is read again, also when it is replaced', async () => {
  const name = file('me:first')
  const credentials = credentialsOf({ own: { kind: 'file', path: name } })
  assert.equal(await shown(credentials), 'me:first')
  writeFileSync(name, 'me:second')
  assert.equal(await shown(credentials), 'me:second')
  renameSync(file('me:third'), name)
  assert.equal(await shown(credentials), 'me:third')
  rmSync(name)
  assert.equal(await shown(credentials), `error: ${name} is not there`)
  writeFileSync(name, 'me:fourth')
  assert.equal(await shown(credentials), 'me:fourth')
})

test('the error of a file is the same until the file changes', async () => {
  const name = file(MARK)
  const credentials = credentialsOf({ own: { kind: 'file', path: name } })
  const wanted = `error: ${name} does not begin with a line USER:PASSWORD`
  assert.deepEqual([await shown(credentials), await shown(credentials)], [wanted, wanted])
  writeFileSync(name, '\uFEFFme:pw\r\n')
  assert.equal(await shown(credentials), 'me:pw')
})

test('a folder in the place of a file is said', async () => {
  const credentials = credentialsOf({ own: { kind: 'file', path: folder.path } })
  assert.equal(await shown(credentials), `error: ${folder.path} is not a file that can be read`)
})

test('a config.json that is named must be there', async () => {
  const gone = folder.join('gone.json')
  const credentials = credentialsOf({ dockerConfig: gone })
  assert.equal(await shown(credentials), `error: ${gone} is not there`)
  assert.equal(credentials?.mayExist, true)
})

test('stored logins: only for their owner, whole at any moment, seen by who is running', async () => {
  const data = dataFolder()
  const credentials = credentialsOf({ data })
  assert.equal(credentials?.mayExist, false)
  await storeLogin(data, 'a.test', password('me', `${MARK}:1`))
  const name = storedLoginsPath(data)
  assert.equal(statSync(name).mode & 0o777, 0o600)
  assert.equal(await shown(credentials), `me:${MARK}:1`)
  await storeLogin(data, 'a.test', { kind: 'identity-token', token: new Secret('idt') })
  await storeLogin(data, 'b.test', password('you', '2'))
  assert.equal(await shown(credentials), 'identity-token idt')
  assert.equal(await removeLogin(data, 'a.test'), true)
  assert.equal(await removeLogin(data, 'a.test'), false)
  assert.equal(await shown(credentials), 'none')
  assert.ok(readFileSync(name, 'utf8').includes('b.test'))
  assert.equal(existsSync(`${name}.new`), false)
})

test('stored logins that others can read are refused, and not overwritten', async () => {
  const data = dataFolder()
  await storeLogin(data, 'a.test', password('me', MARK))
  const name = storedLoginsPath(data)
  for (const [mode, word] of [
    [0o640, '640'],
    [0o604, '604'],
  ] as const) {
    chmodSync(name, mode)
    const wanted = `${name} holds passwords and may be read by others (mode ${word}): run "chmod 600 ${name}"`
    assert.equal(await shown(credentialsOf({ data })), `error: ${wanted}`)
    await assert.rejects(storeLogin(data, 'b.test', password('x', 'y')), { message: wanted })
  }
  chmodSync(name, 0o600)
  assert.equal(await shown(credentialsOf({ data })), `me:${MARK}`)
})

test('ten who log in at once lose nothing', async () => {
  const data = dataFolder()
  const names = Array.from({ length: 10 }, (_, n) => `r${n}.test`)
  await Promise.all(names.map((name) => storeLogin(data, name, password('me', name))))
  const { auths } = JSON.parse(readFileSync(storedLoginsPath(data), 'utf8')) as { auths: object }
  assert.deepEqual(Object.keys(auths).sort(), names)
})

const answer = (user: string, secret: string) =>
  `printf '%s' '{"ServerURL":"x","Username":"${user}","Secret":"${secret}"}'`

test('a helper is asked by its protocol, and not again for a while', async () => {
  const { name, runs } = helper(`[ "$server" = a.test ] && ${answer('helped', 'pw')}`)
  let nowMs = 0
  const config = file(JSON.stringify({ credHelpers: { 'a.test': name } }))
  const credentials = credentialsOf({ dockerConfig: config, now: () => nowMs })
  assert.equal(credentials?.mayExist, true)
  assert.equal(runs(), 0, 'nobody has asked for it')
  const all = await Promise.all(Array.from({ length: 5 }, () => shown(credentials)))
  assert.deepEqual(new Set(all), new Set(['helped:pw']))
  assert.equal(runs(), 1)
  nowMs += 16 * 60_000
  await shown(credentials)
  assert.equal(runs(), 2)
})

test('a helper is asked anew for a login that was refused, once', async () => {
  const { name, runs } = helper(answer('helped', 'pw'))
  const config = file(JSON.stringify({ credsStore: name }))
  const credentials = credentialsOf({ dockerConfig: config })
  const first = await credentials?.login()
  assert.ok(first)
  await credentials?.login(undefined, first.login)
  assert.equal(runs(), 2)
  await credentials?.login()
  assert.equal(runs(), 2)
})

// [what, script, what comes of it]
const HELPERS: [string, string, RegExp][] = [
  ['an identity token', answer('<token>', 'idt'), /^identity-token idt$/],
  ['none', "echo 'credentials not found in native keychain'; exit 1", /^none$/],
  [
    'a failure',
    "echo 'keychain is locked'; exit 1",
    /^error: \S+ \(named by \S+\) failed: keychain is locked$/,
  ],
  [
    'a failure that looks like an answer',
    `${answer('x', MARK)}; exit 1`,
    /^error: \S+ \(named by \S+\) ended with 1$/,
  ],
  [
    'something else',
    `echo ${MARK}`,
    /^error: .* answered with something other than JSON with a login$/,
  ],
  ['too much', 'head -c 300000 /dev/zero', /^error: .* printed too much$/],
]

for (const [what, script, wanted] of HELPERS) {
  test(`a helper that answers ${what}`, async () => {
    const { name, runs } = helper(script)
    const config = file(JSON.stringify({ credsStore: name }))
    const credentials = credentialsOf({ dockerConfig: config })
    const found = await shown(credentials)
    assert.match(found, wanted)
    assert.ok(!found.includes(MARK))
    assert.equal(await shown(credentials), found)
    assert.equal(runs(), 1)
  })
}

test('a helper that is not there, or whose name is a path', async () => {
  const missing = file(JSON.stringify({ credsStore: 'missing' }))
  const wanted = `error: docker-credential-missing (named by ${missing}) is not in the PATH of this program`
  assert.equal(await shown(credentialsOf({ dockerConfig: missing })), wanted)
  const odd = file(JSON.stringify({ credsStore: '../../tmp/x' }))
  assert.match(await shown(credentialsOf({ dockerConfig: odd })), /which is no plain name$/)
})
