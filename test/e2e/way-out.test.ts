// Real clients pull through dist/regmirror from a registry that is reachable in one way only: by a
// private authority, a client certificate, a kind of proxy. `registry.test` is a name that nobody
// but the proxies can resolve.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { Authority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { buildImage } from '../support/images.ts'
import { formsOf } from '../support/no-secrets.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'
import { SocksProxy } from '../support/socks-proxy.ts'
import { TempFolder } from '../support/temp-folder.ts'

const LOGIN = { user: 'us%er', password: 'p@ss:word' }
const PLAIN = 'http://registry.test'
const SECURE = 'https://registry.test'

interface Client {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient>
}

// Each pulls an image that no other has pulled before.
const CLIENTS: readonly Client[] = [
  { name: 'skopeo', skip: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', skip: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
  {
    name: 'containerd',
    skip: Containerd.unavailable(),
    start: (mirror) => Containerd.start(mirror),
  },
]
const IMAGES = new Map(
  CLIENTS.map(({ name }) => [
    name,
    buildImage({ seed: `way out ${name}`, form: 'oci', smallLayers: 2 }),
  ]),
)

const skipAll = unavailable('docker-registry', 'openssl') ?? false

describe('real clients through the mirror, by every way out', { skip: skipAll }, () => {
  const stack = new AsyncDisposableStack()
  let folder: string
  let authority: Authority
  let certificate: Certificate
  let plain: DockerRegistry
  let secure: DockerRegistry

  before(async () => {
    folder = stack.use(new TempFolder('upstream')).path
    authority = stack.use(await Authority.create())
    certificate = await authority.issue({ names: ['127.0.0.1', 'registry.test'] })
    plain = stack.use(await DockerRegistry.start({ folder }))
    secure = stack.use(await DockerRegistry.start({ folder, tls: { certificate } }))
    for (const [tag, image] of IMAGES) await pushImage(plain.url, 'library/box', tag, image)
  })
  after(() => stack.disposeAsync())

  async function pullAll(
    registry: Readonly<Record<string, unknown>>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const settings = { registries: { 'docker.io': registry } }
    await using mirror = await RegMirror.start({
      settings,
      env,
      secrets: formsOf(LOGIN.user, LOGIN.password),
    })
    for (const { name, skip, start } of CLIENTS) {
      if (skip !== undefined) continue
      await using client = await start({ url: mirror.url })
      const pulled = await client.pull(`docker.io/library/box:${name}`)
      assert.equal(pulled, IMAGES.get(name)?.top.digest, name)
    }
    assert.doesNotMatch(mirror.program.report(), /p@ss|p%40ss/)
  }

  function hosts(): Record<string, string> {
    return { 'registry.test:80': plain.host, 'registry.test:443': secure.host }
  }

  test('plain HTTP', () => pullAll({ endpoints: [plain.url] }))

  test('TLS with a private authority', () =>
    pullAll({ endpoints: [secure.url], ca: authority.certificateFile }))

  test('TLS with an authority that the system trusts', () =>
    pullAll({ endpoints: [secure.url] }, { SSL_CERT_FILE: authority.certificateFile }))

  test('TLS that nobody verifies', () => pullAll({ endpoints: [secure.url], insecure: true }))

  test('a client certificate', async () => {
    const clientAuthorityFile = authority.certificateFile
    const tls = { certificate, clientAuthorityFile }
    await using strict = await DockerRegistry.start({ folder, tls })
    const ours = await authority.issue({ names: ['client.test'] })
    const ca = authority.certificateFile
    const shown = [ours.certificateFile, ours.keyFile]
    await pullAll({ endpoints: [strict.url], ca, 'client-cert': shown, private: 'everyone' })

    const settings = { registries: { 'docker.io': { endpoints: [strict.url], ca } } }
    await using without = await RegMirror.start({ settings })
    const refused = await fetch(without.manifestUrl('docker.io', 'library/box', 'skopeo'))
    assert.equal(refused.status, 502)
    assert.match(await refused.text(), /wants a client certificate.*--client-cert docker\.io=FILE/)

    const registries = { 'docker.io': { endpoints: [strict.url], ca, 'client-cert': shown } }
    await using closed = await RegMirror.start({ settings: { registries } })
    const kept = await fetch(closed.manifestUrl('docker.io', 'library/box', 'skopeo'))
    assert.equal(kept.status, 404)
    assert.match(await kept.text(), /--private docker\.io=everyone/)
    const warning = /docker\.io: everything of it is asked with its client certificate.* nobody may/
    assert.match(closed.program.report(), warning)
  })

  for (const endpoint of [PLAIN, SECURE]) {
    const ca = (): string => authority.certificateFile

    test(`http proxy to ${endpoint}`, async () => {
      await using proxy = await HttpProxy.start({ login: LOGIN, hosts: hosts() })
      await pullAll({ endpoints: [endpoint], proxy: proxy.urlWithLogin, ca: ca() })
      assert.equal(proxy.tunnelsTo('registry.test:443') > 0, endpoint === SECURE)
      assert.equal(proxy.refused, 0)
    })

    test(`https proxy to ${endpoint}`, async () => {
      await using proxy = await HttpProxy.start({ certificate, login: LOGIN, hosts: hosts() })
      await pullAll({ endpoints: [endpoint], proxy: proxy.urlWithLogin, ca: ca() })
      assert.equal(proxy.tunnelsTo('registry.test:443') > 0, endpoint === SECURE)
      assert.equal(proxy.refused, 0)
    })

    test(`socks5 proxy to ${endpoint}`, async () => {
      await using proxy = await SocksProxy.start({ login: LOGIN, hosts: hosts() })
      await pullAll({ endpoints: [endpoint], proxy: proxy.urlWithLogin, ca: ca() })
      assert.deepEqual([...new Set(proxy.asked.map(({ kind }) => kind))], ['name'])
    })
  }

  test('the proxy of the environment, and what it is not for', async () => {
    await using proxy = await HttpProxy.start({ hosts: hosts() })
    const env = { https_proxy: proxy.url, http_proxy: proxy.url, no_proxy: 'corp.test,10.0.0.0/8' }
    const ca = authority.certificateFile
    await pullAll({ endpoints: [SECURE], ca }, env)
    assert.equal(proxy.tunnelsTo('registry.test:443'), proxy.asked.length)
    assert.equal(proxy.asked.length > 0, true)

    const asked = proxy.asked.length
    await pullAll({ endpoints: [secure.url], ca }, env)
    await pullAll({ endpoints: [plain.url], proxy: 'none' }, env)
    assert.equal(proxy.asked.length, asked)
  })
})
