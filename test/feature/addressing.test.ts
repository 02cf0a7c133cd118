import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { REVALIDATE_ALWAYS, TestMirror, errorCode } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'
import { connectTo, firstResponse, untilClosed } from './raw-talk.ts'

// Each has an upstream of its own with an image of its own, so that an answer tells whose it is.
const REGISTRIES = ['docker.io', 'ghcr.io', 'lab.test:5000', 'registry.k8s.io', 'harbor.corp']
type RegistryName = (typeof REGISTRIES)[number]

class Registries implements AsyncDisposable {
  readonly mirror: TestMirror
  readonly decoy: ScriptedUpstream // listens, has everything, and is not configured
  readonly #upstreams: ReadonlyMap<RegistryName, ScriptedUpstream>
  readonly #images: ReadonlyMap<RegistryName, Image>
  readonly #stack: AsyncDisposableStack

  private constructor(stack: AsyncDisposableStack, parts: Parts) {
    this.#stack = stack
    this.mirror = parts.mirror
    this.decoy = parts.decoy
    this.#upstreams = parts.upstreams
    this.#images = parts.images
  }

  static async start(): Promise<Registries> {
    await using stack = new AsyncDisposableStack()
    const upstreams = new Map<RegistryName, ScriptedUpstream>()
    const images = new Map<RegistryName, Image>()
    for (const name of REGISTRIES) {
      upstreams.set(name, stack.use(await ScriptedUpstream.start()))
      images.set(name, buildImage({ seed: name, form: 'oci', architectures: ['arm64'] }))
    }
    const decoy = stack.use(await ScriptedUpstream.start())
    decoy.addImage('some/app', '1', buildImage({ seed: 'decoy', form: 'oci' }))
    const mirror = stack.use(await TestMirror.start(configOf(upstreams)))
    return new Registries(stack.move(), { mirror, decoy, upstreams, images })
  }

  serve(registry: RegistryName, repository: string): void {
    this.#upstreams.get(registry)?.addImage(repository, '1', this.image(registry))
  }

  image(registry: RegistryName): Image {
    const image = this.#images.get(registry)
    assert.ok(image)
    return image
  }

  // What tags upstreams were asked for since the last call, as `ghcr.io/some/app`; all they were
  // asked for with `isAll`.
  asked(isAll = false): string[] {
    return Array.from(this.#upstreams).flatMap(([name, { log }]) => {
      const lines = log
        .find(isAll ? {} : { method: 'HEAD' })
        .map(({ url }) => `${name}${url.replace('/v2', '').replace('/manifests/1', '')}`)
      log.clear()
      return lines
    })
  }

  async ask({ path, host, port, method = 'GET' }: Request): Promise<Answer> {
    const url = port === 'own' ? this.mirror.registryUrl('ghcr.io') : this.mirror.url
    const headers = host === undefined ? {} : { host }
    await using response = await rawRequest(url + path, { method, headers })
    const { status, headers: received, ending } = response
    return { status, headers: received, body: await response.body(), ending }
  }

  close(): Promise<void> {
    return this.#stack.disposeAsync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface Parts {
  readonly mirror: TestMirror
  readonly decoy: ScriptedUpstream
  readonly upstreams: ReadonlyMap<RegistryName, ScriptedUpstream>
  readonly images: ReadonlyMap<RegistryName, Image>
}

function configOf(upstreams: ReadonlyMap<RegistryName, ScriptedUpstream>): ConfigChanges {
  const hosts = new Map([
    ['docker.box.lan', 'docker.io'],
    ['ghcr.box.lan', 'ghcr.io'],
    ['box.lan:5443', 'lab.test:5000'],
  ])
  return {
    ...REVALIDATE_ALWAYS,
    registries: Object.fromEntries(
      Array.from(upstreams, ([name, { url }]) => [
        name,
        { endpoints: [url], literalNames: name === 'harbor.corp' },
      ]),
    ),
    hosts,
    aliases: new Map([
      ['registry-1.docker.io', 'docker.io'],
      ['k8s.gcr.io', 'registry.k8s.io'],
      ...hosts,
    ]),
    registryListeners: [{ host: '127.0.0.1', port: 0, registry: 'ghcr.io' }],
  }
}

interface Request {
  readonly path: string
  readonly host?: string
  readonly port?: 'own'
  readonly method?: string
}

let setting: Registries

before(async () => {
  setting = await Registries.start()
})
after(() => setting.close())

const TAG = 'manifests/1'
const VIA_GHCR = { host: 'ghcr.box.lan' }

// [what, request, what upstream is asked for, OCI-Namespace of the answer]
const ADDRESSES: [string, Request, string, string?][] = [
  ['no registry is the default one', { path: `/v2/some/app/${TAG}` }, 'docker.io/some/app'],
  ['a bare name at Docker Hub gets library/', { path: `/v2/app/${TAG}` }, 'docker.io/library/app'],

  ['ns', { path: `/v2/some/app/${TAG}?ns=ghcr.io` }, 'ghcr.io/some/app', 'ghcr.io'],
  ['ns in any case', { path: `/v2/some/app/${TAG}?ns=GHCR.io` }, 'ghcr.io/some/app', 'GHCR.io'],
  [
    'ns percent-encoded',
    { path: `/v2/app/${TAG}?ns=lab.test%3A5000` },
    'lab.test:5000/app',
    'lab.test:5000',
  ],
  [
    "ns by Docker Hub's other name",
    { path: `/v2/app/${TAG}?ns=registry-1.docker.io` },
    'docker.io/library/app',
    'registry-1.docker.io',
  ],
  [
    'ns by the old name of a registry',
    { path: `/v2/app/${TAG}?ns=k8s.gcr.io` },
    'registry.k8s.io/app',
    'k8s.gcr.io',
  ],

  // A mirror URL with a path, as each client sends it.
  [
    'dockerd with http://m/docker.io',
    { path: `/docker.io/v2/library/app/${TAG}` },
    'docker.io/library/app',
  ],
  [
    'dockerd (containerd store) with http://m/docker.io',
    { path: `/docker.io/v2/library/app/${TAG}?ns=docker.io` },
    'docker.io/library/app',
  ],
  [
    'containerd with http://m/ghcr.io',
    { path: `/ghcr.io/v2/some/app/${TAG}?ns=ghcr.io` },
    'ghcr.io/some/app',
  ],
  [
    'containerd with http://m/ghcr.io for another registry',
    { path: `/ghcr.io/v2/some/app/${TAG}?ns=evil.test` },
    'ghcr.io/some/app',
  ],
  [
    'containerd with override_path',
    { path: `/v2/ghcr.io/some/app/${TAG}?ns=ghcr.io` },
    'ghcr.io/some/app',
  ],
  [
    'containerd with override_path for an old name',
    { path: `/v2/registry.k8s.io/app/${TAG}?ns=k8s.gcr.io` },
    'registry.k8s.io/app',
  ],
  [
    'BuildKit with m/ghcr.io',
    { path: `/v2/ghcr.io/some/app/${TAG}?ns=ghcr.io` },
    'ghcr.io/some/app',
  ],
  ['podman with m/ghcr.io', { path: `/v2/ghcr.io/some/app/${TAG}` }, 'ghcr.io/some/app'],
  ['docker pull m/ghcr.io/app', { path: `/v2/ghcr.io/app/${TAG}` }, 'ghcr.io/app'],
  ['docker pull m/docker.io/app', { path: `/v2/docker.io/app/${TAG}` }, 'docker.io/library/app'],
  ['a prefix with a port', { path: `/v2/lab.test:5000/app/${TAG}` }, 'lab.test:5000/app'],
  ['a prefix percent-encoded', { path: `/v2/lab.test%3A5000/app/${TAG}` }, 'lab.test:5000/app'],
  ['an alias that is no host', { path: `/v2/lab/app/${TAG}` }, 'lab.test:5000/app'],
  ['the alias before /v2', { path: `/lab/v2/app/${TAG}` }, 'lab.test:5000/app'],
  [
    'a port before /v2, percent-encoded',
    { path: `/lab.test%3A5000/v2/app/${TAG}` },
    'lab.test:5000/app',
  ],
  [
    'a name of nine components',
    { path: `/ghcr.io/v2/a/b/c/d/e/f/g/h/i/${TAG}` },
    'ghcr.io/a/b/c/d/e/f/g/h/i',
  ],

  ['a host of the mirror', { path: `/v2/some/app/${TAG}`, ...VIA_GHCR }, 'ghcr.io/some/app'],
  [
    'a host in any case, with a dot at its end and a port',
    { path: `/v2/some/app/${TAG}`, host: 'GHCR.box.LAN.:5000' },
    'ghcr.io/some/app',
  ],
  ['a host with a port', { path: `/v2/app/${TAG}`, host: 'box.lan:5443' }, 'lab.test:5000/app'],
  [
    'a bare name by host',
    { path: `/v2/app/${TAG}`, host: 'docker.box.lan' },
    'docker.io/library/app',
  ],
  ["a registry's own listener", { path: `/v2/some/app/${TAG}`, port: 'own' }, 'ghcr.io/some/app'],

  // Two ways at once.
  [
    'prefix and another ns',
    { path: `/v2/docker.io/app/${TAG}?ns=ghcr.io` },
    'docker.io/library/app',
  ],
  ['prefix and an unknown ns', { path: `/v2/ghcr.io/app/${TAG}?ns=evil.test` }, 'ghcr.io/app'],
  [
    'ns of a registry with literal names, and what looks like a prefix',
    { path: `/v2/ghcr.io/some/app/${TAG}?ns=harbor.corp` },
    'harbor.corp/ghcr.io/some/app',
    'harbor.corp',
  ],
  [
    'ns and prefix of a registry with literal names',
    { path: `/v2/harbor.corp/ghcr.io/app/${TAG}?ns=harbor.corp` },
    'harbor.corp/ghcr.io/app',
    'harbor.corp',
  ],
  [
    'ns and a first component that is no registry here',
    { path: `/v2/my.group/app/${TAG}?ns=ghcr.io` },
    'ghcr.io/my.group/app',
    'ghcr.io',
  ],
  [
    'host and its own prefix',
    { path: `/v2/ghcr.io/some/app/${TAG}`, ...VIA_GHCR },
    'ghcr.io/some/app',
  ],
  [
    'host and its own path before /v2',
    { path: `/ghcr.io/v2/some/app/${TAG}`, ...VIA_GHCR },
    'ghcr.io/some/app',
  ],
  [
    'host and what is then no prefix',
    { path: `/v2/docker.io/app/${TAG}`, ...VIA_GHCR },
    'ghcr.io/docker.io/app',
  ],
  ['host and another ns', { path: `/v2/app/${TAG}?ns=docker.io`, ...VIA_GHCR }, 'ghcr.io/app'],
  ['host and an unknown ns', { path: `/v2/app/${TAG}?ns=evil.test`, ...VIA_GHCR }, 'ghcr.io/app'],
  [
    'own listener and its own prefix',
    { path: `/v2/ghcr.io/some/app/${TAG}`, port: 'own' },
    'ghcr.io/some/app',
  ],
  [
    'own listener and what is then no prefix',
    { path: `/v2/docker.io/app/${TAG}`, port: 'own' },
    'ghcr.io/docker.io/app',
  ],
  [
    'own listener and another ns',
    { path: `/v2/app/${TAG}?ns=docker.io`, port: 'own' },
    'ghcr.io/app',
  ],
  ['path before /v2 and its own prefix', { path: `/ghcr.io/v2/ghcr.io/app/${TAG}` }, 'ghcr.io/app'],
  [
    'path before /v2 and what is then no prefix',
    { path: `/ghcr.io/v2/docker.io/app/${TAG}` },
    'ghcr.io/docker.io/app',
  ],
]

for (const [what, request, wanted, namespace] of ADDRESSES) {
  test(`${what}: ${JSON.stringify(request)}`, async () => {
    const registry = wanted.slice(0, wanted.indexOf('/'))
    setting.serve(registry, wanted.slice(registry.length + 1))
    setting.asked()
    const answer = await setting.ask(request)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), setting.image(registry).top.digest)
    assert.equal(answer.headers.get('oci-namespace'), namespace)
    assert.deepEqual(setting.asked(), [wanted])
  })
}

// No registry is meant that is served here, or two at once are.
const REFUSED: [Request, RegExp][] = [
  [{ path: `/v2/some/app/${TAG}?ns=evil.test` }, /"evil\.test".*--registry NAME=URL/],
  [{ path: `/v2/evil.test/some/app/${TAG}` }, /"evil\.test".*--registry NAME=URL/],
  [{ path: `/evil.test/v2/some/app/${TAG}` }, /"evil\.test".*before \/v2.*--registry NAME=URL/],
  [{ path: `/a/b/v2/some/app/${TAG}` }, /"a\/b".*before \/v2/],
  [{ path: `/ghcr.io/b/v2/some/app/${TAG}` }, /"ghcr\.io\/b".*before \/v2/],
  [{ path: `//v2/some/app/${TAG}` }, /"".*before \/v2/],
  [{ path: '/evil.test/v2/' }, /"evil\.test".*before \/v2/],
  [{ path: '/v2/_catalog?ns=evil.test' }, /"evil\.test"/],
  [{ path: '/v2/evil.test/app/tags/list' }, /"evil\.test"/],
  [{ path: `/v2/localhost/some/app/${TAG}` }, /"localhost"/],
  [{ path: `/v2/ghcr.io:443/some/app/${TAG}` }, /"ghcr\.io:443"/],
  [{ path: `/v2/some/app/${TAG}?ns=doc%E2%84%AAer.io` }, /"\?"/],
  [{ path: `/evil.test/v2/some/app/${TAG}`, ...VIA_GHCR }, /"evil\.test"/],
  [{ path: `/evil.test/v2/some/app/${TAG}`, port: 'own' }, /"evil\.test"/],
  [{ path: `/docker.io/v2/some/app/${TAG}`, ...VIA_GHCR }, /ghcr\.io.*docker\.io/],
  [{ path: `/docker.io/v2/some/app/${TAG}`, port: 'own' }, /ghcr\.io.*docker\.io/],
  [{ path: `/v2/some/app/${TAG}`, host: 'docker.box.lan', port: 'own' }, /ghcr\.io.*docker\.io/],
  [{ path: '/docker.io/v2/', ...VIA_GHCR }, /ghcr\.io.*docker\.io/],
  [{ path: '/v2/', host: 'docker.box.lan', port: 'own' }, /ghcr\.io.*docker\.io/],
]

for (const [request, message] of REFUSED) {
  test(`nobody is asked, and the answer says why: ${JSON.stringify(request)}`, async () => {
    setting.asked(true)
    const answer = await setting.ask(request)
    assert.equal(answer.status, 404)
    assert.equal(errorCode(answer), 'NAME_UNKNOWN')
    assert.match(answer.body.toString().replaceAll('\\"', '"'), message)
    assert.equal(answer.headers.get('oci-namespace'), undefined)
    assert.deepEqual(setting.asked(true), [])
  })
}

test('a refused address is one line of log at level info, for each request', async () => {
  const path = `/v2/some/app/${TAG}?ns=unheard.test`
  await setting.ask({ path })
  await setting.mirror.logged(/unheard\.test/)
  const lines = setting.mirror.lines.filter(({ message }) => message.includes('unheard.test'))
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['info'],
  )
  const [line] = lines
  assert.match(line?.message ?? '', /--registry NAME=URL/)
  assert.doesNotMatch(line?.message ?? '', /\n/)
})

// What containerd's old configuration and K3s make of http://m/ghcr.io.
for (const path of [`/ghcr.io/some/app/${TAG}?ns=ghcr.io`, '/ghcr.io/some/app/tags/list']) {
  test(`a path in the place of /v2 is told what to write instead: ${path}`, async () => {
    setting.asked(true)
    const answer = await setting.ask({ path, host: 'box.lan:5000' })
    assert.equal(answer.status, 404)
    assert.equal(errorCode(answer), 'NAME_UNKNOWN')
    assert.match(answer.body.toString(), /write http:\/\/box\.lan:5000\/v2\/ghcr\.io/)
    assert.deepEqual(setting.asked(true), [])
  })
}

for (const request of [
  { path: '/v2/' },
  { path: '/v2' },
  { path: '/ghcr.io/v2/' },
  { path: '/lab/v2' },
  { path: '/lab.test%3A5000/v2/' },
  { path: '/ghcr.io/v2/', ...VIA_GHCR },
  { path: '/v2/?ns=evil.test' },
  { path: '/v2/', host: 'evil.test' },
  { path: '/v2/', port: 'own' },
] as const) {
  test(`a ping is answered in every form of address: ${JSON.stringify(request)}`, async () => {
    setting.asked(true)
    const answer = await setting.ask(request)
    assert.equal(answer.status, 200)
    assert.equal(answer.body.toString(), '{}')
    assert.deepEqual(setting.asked(true), [])
  })
}

test('what is not configured is never dialled, though it listens and has the image', async () => {
  const { mirror, decoy } = setting
  const { host } = new URL(decoy.url)
  const encoded = encodeURIComponent(host)
  setting.asked(true)
  for (const target of [
    `/v2/some/app/${TAG}?ns=${encoded}`,
    `/v2/some/app/${TAG}?ns=${encodeURIComponent(decoy.url)}`,
    `/v2/some/app/${TAG}?ns=evil@${encoded}`,
    `/v2/${host}/some/app/${TAG}`,
    `/v2/${encoded}/some/app/${TAG}`,
    `/v2/127.0.0.1/some/app/${TAG}`,
    `/${host}/v2/some/app/${TAG}`,
    `/${encoded}/v2/some/app/${TAG}`,
    `/${encodeURIComponent(encoded)}/v2/some/app/${TAG}`,
    `/${encodeURIComponent(decoy.url)}/v2/some/app/${TAG}`,
    `/${decoy.url}/v2/some/app/${TAG}`,
    `//${host}/v2/some/app/${TAG}`,
    `/ghcr.io/../v2/some/app/${TAG}`,
    `/%2e%2e/v2/some/app/${TAG}`,
    `${decoy.url}/v2/some/app/${TAG}`,
    `${decoy.url}/v2/`,
    `HTTP://${host}/v2/some/app/${TAG}`,
    `/v2/${host}/some/app/tags/list`,
    `/v2/_catalog?ns=${encoded}`,
  ]) {
    const answer = await talk(mirror.url, `GET ${target} HTTP/1.1\r\nHost: ${host}`)
    assert.ok(answer.status === 404 || answer.status === 400, `${target}: ${answer.status}`)
  }
  assert.deepEqual(setting.asked(true), [])
  // By its Host alone the default registry is meant.
  setting.serve('docker.io', 'some/app')
  const byHost = await setting.ask({ path: `/v2/some/app/${TAG}`, host })
  const { digest } = setting.image('docker.io').top
  assert.equal(byHost.headers.get('docker-content-digest'), digest)
  assert.equal(decoy.connections, 0)
})

test('who takes the mirror for an HTTP proxy is told so', async () => {
  const { mirror, decoy } = setting
  const { host } = new URL(decoy.url)
  const answer = await talk(mirror.url, `GET ${decoy.url}/v2/ HTTP/1.1\r\nHost: ${host}`)
  assert.equal(answer.status, 400)
  assert.match(answer.body.toString(), /not an HTTP proxy/)
  const socket = await connectTo(mirror.url)
  socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const { received } = await untilClosed(socket)
  assert.doesNotMatch(received.toString(), /^HTTP\/1\.1 2/)
  assert.equal(decoy.connections, 0)
})

test('the same repository in every form of address is one repository', async () => {
  setting.serve('ghcr.io', 'same/app')
  const { digest } = setting.image('ghcr.io').top
  const rest = `same/app/manifests/${digest}`
  await setting.ask({ path: `/v2/${rest}?ns=ghcr.io` })
  setting.asked(true)
  for (const request of [
    { path: `/v2/${rest}?ns=ghcr.io` },
    { path: `/v2/ghcr.io/${rest}` },
    { path: `/ghcr.io/v2/${rest}` },
    { path: `/v2/${rest}`, ...VIA_GHCR },
    { path: `/v2/${rest}`, port: 'own' },
  ] as const) {
    assert.equal((await setting.ask(request)).status, 200)
  }
  assert.deepEqual(setting.asked(true), [])
})

test('the same name in two registries is two repositories', async () => {
  setting.serve('ghcr.io', 'two/app')
  assert.equal((await setting.ask({ path: `/v2/two/app/${TAG}?ns=ghcr.io` })).status, 200)
  assert.equal((await setting.ask({ path: `/v2/two/app/${TAG}` })).status, 404)
})

test('a name no repository can have is refused, and errors of ns echo it', async () => {
  for (const path of [
    `/v2/some/App/${TAG}?ns=ghcr.io`,
    `/ghcr.io/v2/some/App/${TAG}`,
    `/v2/ghcr.io/some//app/${TAG}`,
    `/v2/ghcr.io/${'a'.repeat(256)}/${TAG}`,
  ]) {
    const answer = await setting.ask({ path })
    assert.equal(answer.status, 400)
    assert.equal(errorCode(answer), 'NAME_INVALID')
  }
  const missing = await setting.ask({ path: `/v2/not/there/${TAG}?ns=ghcr.io` })
  assert.equal(missing.status, 404)
  assert.equal(missing.headers.get('oci-namespace'), 'ghcr.io')
})

// Of which the test writes every byte: a URL would be tidied up on the way.
async function talk(url: string, head: string): Promise<{ status: number; body: Buffer }> {
  const socket = await connectTo(url)
  socket.write(`${head}\r\nConnection: close\r\n\r\n`)
  const { received } = await untilClosed(socket)
  return firstResponse(received)
}
