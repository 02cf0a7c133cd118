// Logins of real registries through dist/regmirror: from the configuration, a helper, the command
// line; with Basic, with tokens that expire in the middle of a layer; pulled by real clients.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { inPath, unavailable } from '../support/client-tools.ts'
import { readAll } from '../support/content.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { buildImage } from '../support/images.ts'
import { formsOf } from '../support/no-secrets.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { rawRequest } from '../support/raw-http.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { TokenServer } from '../support/token-server.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const USER = 'robot'
const PASSWORD = 'Tr0ub4dor:&3+/='
const SECRETS = formsOf(USER, PASSWORD)
const MARK = 'Tr0ub4dor'
const NAME = 'library/box'

const skipAll = unavailable('docker-registry', 'openssl', 'htpasswd') ?? false

describe('logins', { skip: skipAll, timeout: 200_000 }, () => {
  const images = {
    a: buildImage({ seed: 'login a', form: 'oci', smallLayers: 2 }),
    b: buildImage({ seed: 'login b', form: 'docker', smallLayers: 2 }),
    big: buildImage({ seed: 'login big', form: 'oci', bigLayers: 1, bigLayerMiB: 16 }),
  }
  const stack = new AsyncDisposableStack()
  let temp: TempFolder
  let basic: DockerRegistry
  let tokens: TokenServer
  let token: DockerRegistry

  before(async () => {
    temp = stack.use(new TempFolder('login'))
    const folder = temp.join('content')
    const plain = stack.use(await DockerRegistry.start({ folder }))
    for (const [tag, image] of Object.entries(images)) await pushImage(plain.url, NAME, tag, image)
    tokens = stack.use(await TokenServer.start())
    tokens.users = { [USER]: PASSWORD }
    tokens.anonymousMayPull = false
    token = stack.use(await DockerRegistry.start({ folder, tokens }))
    const login = { user: USER, password: PASSWORD }
    basic = stack.use(await DockerRegistry.start({ folder, login }))
  })
  after(() => stack.disposeAsync())

  function secretFile(): string {
    const file = temp.join('secret')
    writeFileSync(file, `${USER}:${PASSWORD}\n`)
    return file
  }

  function mirrorOf(upstream: string, ...args: string[]): Promise<RegMirror> {
    const registries = { 'docker.io': upstream }
    const all = ['--private', 'docker.io=everyone', '--log-level', 'debug', ...args]
    return RegMirror.start({ registries, args: all, secrets: SECRETS })
  }

  function status(mirror: RegMirror, reference: string): Promise<number> {
    return fetch(mirror.manifestUrl('docker.io', NAME, reference)).then(async (response) => {
      assertNoSecret(await response.text())
      return response.status
    })
  }

  interface Outcome {
    readonly code: number | null
    readonly stdout: string
    readonly stderr: string
  }

  /** Not synchronously: the token server runs in this process. */
  async function regmirror(args: readonly string[], input = ''): Promise<Outcome> {
    const env = { PATH: process.env['PATH'], HOME: temp.path }
    const child = spawn(binaryPath(), args, { cwd: temp.path, timeout: 30_000, env })
    child.stdin.on('error', () => {}) // it need not read what it does not ask for
    child.stdin.end(input)
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      closed,
    ])
    assertNoSecret(stdout, stderr)
    return { code, stdout, stderr }
  }

  const doors = {
    'a password file, Basic': () => basic,
    'a password file, tokens': () => token,
  }
  for (const [door, registry] of Object.entries(doors)) {
    test(`${door}: skopeo and podman pull what is private`, async () => {
      await using mirror = await mirrorOf(
        registry().url,
        '--credentials',
        `docker.io=file:${secretFile()}`,
      )
      if (Skopeo.unavailable() === undefined) {
        await using skopeo = await Skopeo.start({ url: mirror.url })
        assert.equal(await skopeo.pull(`docker.io/${NAME}:a`), images.a.top.digest)
      }
      if (Podman.unavailable() === undefined) {
        await using podman = await Podman.start({ url: mirror.url })
        assert.equal(await podman.pull(`docker.io/${NAME}:b`), images.b.top.digest)
      }
      assert.equal(await status(mirror, 'a'), 200)
      assertNoSecret(mirror.program.stderr, mirror.program.stdout)
    })
  }

  test('a token that expires in the middle of a layer: the rest is fetched with a new one', async () => {
    await using counting = await CountingProxy.start(token.url)
    await using link = await FaultyLink.start(counting.url)
    await using mirror = await mirrorOf(link.url, '--credentials', `docker.io=file:${secretFile()}`)
    const [digest, layer] = [...images.big.blobs].sort(([, a], [, b]) => b.size - a.size)[0] ?? []
    assert.ok(digest && layer)
    // The registry takes it for a minute longer, so for two seconds.
    tokens.ttlSeconds = -58
    try {
      assert.equal(await status(mirror, 'big'), 200)
      link.set({ break: { afterBytes: layer.size / 2, by: 'stall' } })
      const response = await rawRequest(mirror.blobUrl('docker.io', NAME, digest))
      const taken = awaitedLater(response.take({ expect: { bytes: readAll(layer) } }))
      await waitUntil(() => link.delivered > layer.size / 2, { what: 'half of the layer' })
      const first = counting.log.find({ path: digest }).findLast(({ status: code }) => code === 200)
      const authorization = String(first?.headers['authorization'])
      assert.match(authorization, /^Bearer /)
      const isExpired = async (): Promise<boolean> => {
        const answer = await fetch(`${token.url}/v2/${NAME}/manifests/big`, {
          headers: { authorization },
        })
        await answer.body?.cancel()
        return answer.status === 401
      }
      await waitUntil(isExpired, { what: 'the token to expire', everyMs: 100 })
      counting.log.clear()
      tokens.ttlSeconds = 300
      link.cutAll('fin')

      const { bytes, ending } = await taken
      assert.deepEqual([bytes, ending], [layer.size, 'complete'])
      const asked = counting.log.find({ path: digest })
      assert.ok(asked.some((request) => request.status === 401 && request.range !== undefined))
      assert.equal(asked.at(-1)?.status, 206)
    } finally {
      tokens.ttlSeconds = 300
    }
    assertNoSecret(mirror.program.stderr)
  })

  test('a credential helper is asked by its protocol', async () => {
    const program = temp.join('docker-credential-fake')
    const answer = JSON.stringify({ ServerURL: 'x', Username: USER, Secret: PASSWORD })
    writeFileSync(
      program,
      `#!/bin/sh
[ "$1" = get ] || exit 1
read server
echo "$server" >> ${temp.join('asked')}
echo '${answer}'
`,
    )
    chmodSync(program, 0o755)
    const config = temp.join('config.json')
    writeFileSync(
      config,
      JSON.stringify({ credHelpers: { 'https://index.docker.io/v1/': 'fake' } }),
    )
    await using mirror = await RegMirror.start({
      registries: { 'docker.io': basic.url },
      args: ['--private', 'docker.io=everyone', '--docker-config', config],
      secrets: SECRETS,
      env: { PATH: `${temp.path}:${process.env['PATH']}` },
    })
    assert.equal(await status(mirror, 'a'), 200)
    assert.equal(await status(mirror, 'b'), 200)
    assert.equal(readFileSync(temp.join('asked'), 'utf8'), 'https://index.docker.io/v1/\n')
    assertNoSecret(mirror.program.stderr)
  })

  test('login, credentials and logout beside a running server', async () => {
    await using mirror = await mirrorOf(token.url)
    const where = ['--data', mirror.dataFolder, '--registry', `docker.io=${token.url}`]
    const file = path.join(mirror.dataFolder, 'credentials.json')
    assert.equal(await status(mirror, 'a'), 404)

    const none = await regmirror(['credentials', ...where])
    assert.deepEqual([none.code, none.stdout], [0, 'REGISTRY  USER  LOGIN  FROM\n'])

    const wrong = ['login', 'docker.io', '-u', USER, '--password-stdin', ...where]
    const refused = await regmirror(wrong, `${MARK}-of-last-year\n`)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /docker\.io: .* answered 401 to the login .*it is not stored/)
    assert.equal(existsSync(file), false)

    const url = 'https://index.docker.io/v1/'
    const stored = await regmirror(
      ['login', url, '--user', USER, '--password-stdin', ...where],
      PASSWORD,
    )
    assert.equal(stored.code, 0, stored.stderr)
    assert.match(
      stored.stderr,
      /docker\.io: the login works, and is stored in \S+credentials\.json/,
    )
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(await status(mirror, 'b'), 200)

    const works = await regmirror(['credentials', 'docker.io', 'ghcr.io', '--json', ...where])
    assert.equal(works.code, 0)
    const shown = JSON.parse(works.stdout) as readonly Record<string, unknown>[]
    assert.deepEqual(
      shown.map(({ registry, user, origin, outcome }) => [registry, user, origin, outcome]),
      [
        ['docker.io', USER, file, 'works'],
        ['ghcr.io', null, null, 'none'],
      ],
    )

    tokens.users = {}
    const spoilt = await regmirror(['credentials', ...where])
    tokens.users = { [USER]: PASSWORD }
    assert.equal(spoilt.code, 1)
    assert.match(spoilt.stdout, /docker\.io +robot +refused +\S+credentials\.json/)

    const out = await regmirror(['logout', 'registry-1.docker.io', ...where])
    assert.match(out.stderr, /docker\.io: its login is removed from/)
    assert.equal(await status(mirror, 'big'), 404)
    const again = await regmirror(['logout', 'docker.io', ...where])
    assert.match(again.stderr, /no login is stored/)
    assertNoSecret(mirror.program.stderr)
  })

  test('a stored login that is refused later: said in the log and to who wants what is private', async () => {
    await using mirror = await mirrorOf(token.url)
    const where = ['--data', mirror.dataFolder, '--registry', `docker.io=${token.url}`]
    const typed = ['login', 'docker.io', '-u', USER, '--password-stdin', '--unchecked', ...where]
    assert.equal((await regmirror(typed, `${MARK}-of-last-year`)).code, 0)
    const response = await fetch(mirror.manifestUrl('docker.io', NAME, 'a'))
    const body = await response.text()
    assert.equal(response.status, 403)
    assert.match(body, /DENIED.*login for docker\.io does not work; the mirror's log says more/)
    assert.doesNotMatch(body, /credentials\.json/)
    await mirror.program.waitForLine(
      /error: docker\.io: .* answered 401 to the login from .*credentials\.json.*regmirror login docker\.io/,
    )
    assertNoSecret(body, mirror.program.stderr)
  })

  test('login says which login is used instead of the one it stored', async () => {
    const config = temp.join('first.json')
    const auth = Buffer.from('other:word').toString('base64')
    const data = temp.join('second')
    const stores = async (credentials: string, sentence: RegExp) => {
      const typed = ['-u', USER, '--password-stdin', '--unchecked', '--data', data]
      const where = ['--credentials', `docker.io=${credentials}`]
      const outcome = await regmirror(['login', 'docker.io', ...typed, ...where], PASSWORD)
      assert.equal(outcome.code, 0, outcome.stderr)
      assert.match(outcome.stderr, /is stored in/)
      assert.match(outcome.stderr, sentence)
    }
    const remedy = 'to use it, take the credentials of docker\\.io out of the configuration'
    const unused = (why: string) => new RegExp(`it is not used, since .*${why}.*: ${remedy}`)
    writeFileSync(config, JSON.stringify({ auths: { 'docker.io': { auth } } }))
    await stores(`docker-config:${config}`, unused(`the login from ${config} comes before it`))
    await stores(`file:${secretFile()}`, unused(`the login from ${temp.join('secret')} comes`))
    await stores('none', unused('the configuration says that there is to be none'))
    writeFileSync(config, JSON.stringify({ auths: { 'other.test': { auth } } }))
    await stores(`docker-config:${config}`, /^(?![^]*not used)/)
    writeFileSync(config, 'no JSON')
    await stores(`docker-config:${config}`, unused('is not JSON'))
  })

  test('a login for some repositories only is said to be that', async () => {
    const config = temp.join('auth.json')
    const auth = Buffer.from('me:word').toString('base64')
    writeFileSync(config, JSON.stringify({ auths: { 'ghcr.io/org': { auth } } }))
    const shown = await regmirror([
      'credentials',
      '--data',
      temp.join('none'),
      '--docker-config',
      config,
    ])
    assert.match(shown.stdout, /^ghcr\.io +- +partial +-$/m)
    assert.match(
      shown.stderr,
      /ghcr\.io: there is a login for org\/\.\.\. only, which was not tried/,
    )
  })

  test('what is wrong with the file of all logins is said once', async () => {
    const data = temp.join('open')
    const typed = ['-u', USER, '--password-stdin', '--unchecked', '--data', data]
    assert.equal((await regmirror(['login', 'docker.io', ...typed], PASSWORD)).code, 0)
    chmodSync(path.join(data, 'credentials.json'), 0o644)
    const shown = await regmirror(['credentials', 'docker.io', 'ghcr.io', '--data', data])
    assert.equal(shown.code, 1)
    assert.match(
      shown.stderr,
      /docker\.io, ghcr\.io: \S+ holds passwords and may be read by others/,
    )
    assert.equal(shown.stderr.trim().split('\n').length, 1)
  })

  test('logout where nothing was ever stored', async () => {
    const data = temp.join('nowhere')
    const outcome = await regmirror(['logout', 'ghcr.io', '--data', data])
    assert.deepEqual([outcome.code, existsSync(data)], [0, false])
    assert.match(outcome.stderr, /ghcr\.io: no login is stored in/)
  })

  test('what is typed wrong, or cannot be tried, is one sentence', async () => {
    const data = ['--data', temp.join('unused')]
    const typed = ['-u', USER, '--password-stdin', ...data]
    const refuses = async (code: number, args: readonly string[], sentence: RegExp) => {
      const outcome = await regmirror(args, PASSWORD)
      assert.equal(outcome.code, code, outcome.stderr)
      assert.match(outcome.stderr, sentence)
      assert.equal(outcome.stdout, '')
    }
    await refuses(2, ['login', ...typed], /name the registry: regmirror login ghcr\.io/)
    await refuses(
      2,
      ['login', 'ghrc.io', ...typed],
      /"ghrc\.io" is not a registry .*did you mean ghcr/,
    )
    await refuses(2, ['login', 'a', 'b', ...typed], /"b" is one word too many for login/)
    await refuses(
      2,
      ['login', 'ghcr.io', ...data],
      /no terminal to ask at: name the user with --user/,
    )
    await refuses(2, ['login', 'ghcr.io', '-u', 'x', ...data], /no terminal .* --password-stdin/)
    await refuses(
      2,
      ['login', 'ghcr.io', '--password', 'x', ...data],
      /--password is not an option/,
    )
    const closed = ['--registry', 'a.test:5000=http://127.0.0.1:1']
    await refuses(
      1,
      ['login', 'a.test:5000', ...typed, ...closed],
      /cannot be reached.*--unchecked/,
    )
    assert.equal(existsSync(temp.join('unused', 'credentials.json')), false)
  })

  const noTerminal = inPath('script') ? false : 'needs script(1) for a terminal'
  test('at a terminal the password is asked for and not shown', { skip: noTerminal }, async () => {
    const data = temp.join('typed')
    const where = `--data ${data} --registry docker.io=${token.url}`
    const command = `${binaryPath()} login docker.io ${where}`
    const args = ['-qec', command, '/dev/null']
    const child = spawn('script', args, { cwd: temp.path, timeout: 30_000 })
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
    const prompted = (words: string) =>
      waitUntil(() => shown.includes(words), { what: `the prompt ${words}` })
    await prompted('User name for docker.io: ')
    child.stdin.write(`${USER}\r`)
    await prompted('Password of robot for docker.io: ')
    child.stdin.write(`${PASSWORD}\r`)
    assert.equal(await closed, 0, shown)
    assertNoSecret(shown)
    assert.match(shown, /the login works/)
    assert.ok(existsSync(path.join(data, 'credentials.json')))
  })
})

function assertNoSecret(...texts: readonly string[]): void {
  for (const text of texts) {
    const plain = text.replace(/[\w+/-]{8,}={0,2}/g, (word) => {
      const decoded = Buffer.from(word, 'base64').toString()
      return decoded.includes(MARK) ? decoded : word
    })
    assert.ok(!plain.includes(MARK), `a secret is in: ${text}`)
  }
}
