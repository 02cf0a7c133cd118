// A mirror is no proxy: nobody outside can make it connect to a host that its operator did not name.
// The trap counts the connections that come to it; all that goes to the registry goes through a proxy,
// which knows what else it was asked for.
import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, test } from 'node:test'
import { seededContent, sha256 } from '../support/content.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { buildImage, MEDIA_TYPES } from '../support/images.ts'
import { closeServer, listen, trackSockets } from '../support/net-ports.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { bearerChallenge, redirect } from '../support/scripted-reply.ts'
import type { ScriptEntry } from '../support/scripted-reply.ts'
import { TestMirror } from '../support/test-mirror.ts'
import { connectTo, untilClosed } from './raw-talk.ts'

const BLOB = seededContent('never dialled', 3000)
const IMAGE = buildImage({ seed: 'never dialled', form: 'oci', architectures: ['amd64'] })
const REGISTRY = 'registry.test'

class Trap implements AsyncDisposable {
  connections = 0
  port = 0
  readonly #server = net.createServer((socket) => {
    this.connections += 1
    socket.destroy()
  })

  static async start(): Promise<Trap> {
    const trap = new Trap()
    trap.port = await listen(trap.#server)
    return trap
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeServer(this.#server, trackSockets(this.#server))
  }
}

// A public registry, as far as the mirror can know: it has a name, and only the proxy knows where it is.
class Place implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly trap: Trap
  readonly upstream: ScriptedUpstream
  readonly proxy: HttpProxy
  readonly mirror: TestMirror

  private constructor(parts: Pick<Place, 'trap' | 'upstream' | 'proxy' | 'mirror'>) {
    this.trap = this.#stack.use(parts.trap)
    this.upstream = this.#stack.use(parts.upstream)
    this.proxy = this.#stack.use(parts.proxy)
    this.mirror = this.#stack.use(parts.mirror)
  }

  static async start(): Promise<Place> {
    const trap = await Trap.start()
    const upstream = await ScriptedUpstream.start()
    upstream.addBlob('org/app', BLOB)
    upstream.addImage('org/app', '1', IMAGE)
    const proxy = await HttpProxy.start({
      hosts: { [`${REGISTRY}:80`]: new URL(upstream.url).host },
    })
    const endpoints = [`http://${REGISTRY}`]
    const mirror = await TestMirror.start({
      registries: {
        [REGISTRY]: { endpoints, proxy: new URL(proxy.url) },
        'docker.io': { endpoints, proxy: new URL(proxy.url) },
      },
    })
    return new Place({ trap, upstream, proxy, mirror })
  }

  // Whatever was asked, nobody but the registry was connected to.
  assertOnlyRegistry(what: string): void {
    assert.equal(this.trap.connections, 0, `${what}: connections to the trap`)
    const others = this.proxy.asked.filter((line) => !line.includes(`${REGISTRY}/`))
    assert.deepEqual(
      others.filter((line) => line !== `CONNECT ${REGISTRY}:80`),
      [],
      what,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

describe('what a client can say', () => {
  const trapHosts = (port: number): string[] => [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `[::1]:${port}`,
    `trap.test:${port}`,
    `${REGISTRY}:${port}`,
    `user@127.0.0.1:${port}`,
    `${REGISTRY}@127.0.0.1:${port}`,
    `127.0.0.1:${port}/${REGISTRY}`,
    `http://127.0.0.1:${port}`,
  ]

  test('ns, prefixes, Host and absolute targets reach configured registries only', async () => {
    await using place = await Place.start()
    const { mirror, trap, proxy, upstream } = place
    for (const host of trapHosts(trap.port)) {
      const coded = encodeURIComponent(host)
      const rest = `blobs/${BLOB.digest}`
      const asks: [string, Record<string, string>][] = [
        [`/v2/org/app/${rest}?ns=${coded}`, {}],
        [`/v2/org/app/${rest}?ns=${host}`, {}],
        [`/v2/${host}/org/app/${rest}`, {}],
        [`/v2/${coded}/org/app/${rest}`, {}],
        [`/${host}/v2/org/app/${rest}`, {}],
        [`/${coded}/v2/org/app/${rest}`, {}],
        [`/v2/${host}/org/app/manifests/1?ns=${REGISTRY}`, {}],
        [`/v2/${host}/org/app/tags/list`, {}],
        [`/v2/org/app/referrers/${BLOB.digest}?ns=${coded}`, {}],
        [`/v2/_catalog?ns=${coded}`, {}],
      ]
      for (const [path, headers] of asks) {
        const { status } = await mirror.get(path, headers)
        assert.ok(status === 404 || status === 400 || status === 200, `${path}: ${status}`)
        if (status === 200) assert.match(path, /_catalog|referrers/, path)
      }
    }
    assert.equal(trap.connections, 0)
    // A first component beside an `ns` is part of a name there, never a host.
    for (const line of proxy.asked) assert.match(line, new RegExp(`${REGISTRY}(:80)?(/|$)`))
    place.assertOnlyRegistry('clients')
    upstream.log.clear()

    const host = `127.0.0.1:${trap.port}`
    const named = await mirror.get('/v2/org/app/manifests/1', { Host: host })
    assert.equal(named.status, 200, 'an unknown Host is the mirror itself')
    for (const request of [
      `GET http://${host}/v2/org/app/manifests/1 HTTP/1.1\r\nHost: ${host}`,
      `GET http://${host}/ HTTP/1.0`,
      `CONNECT ${host} HTTP/1.1\r\nHost: ${host}`,
    ]) {
      const socket = await connectTo(mirror.url)
      socket.write(`${request}\r\nConnection: close\r\n\r\n`)
      await untilClosed(socket)
    }
    place.assertOnlyRegistry('Host')
  })
})

describe('what a registry can say', () => {
  const hosts = (port: number): string[] => [
    `http://127.0.0.1:${port}`,
    `http://localhost:${port}`,
    `http://localhost.:${port}`,
    `http://[::1]:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    `http://2130706433:${port}`,
    `http://0x7f.1:${port}`,
    `http://0.0.0.0:${port}`,
    `http://10.0.0.1:${port}`,
    `http://169.254.169.254`,
    `http://[fe80::1]:${port}`,
  ]

  const blob = `/v2/${REGISTRY}/org/app/blobs/${BLOB.digest}`
  const manifest = `/v2/${REGISTRY}/org/app/manifests/1`
  const tags = `/v2/${REGISTRY}/org/app/tags/list`
  const referrers = `/v2/${REGISTRY}/org/app/referrers/${IMAGE.top.digest}`
  const link = (url: string) => ({ headers: { link: `<${url}/v2/org/app/tags/list>; rel="next"` } })

  const ways: {
    name: string
    path: string
    entry: (url: string) => ScriptEntry
    further?: (url: string) => ScriptEntry[]
  }[] = [
    {
      name: 'a redirect of a blob',
      path: blob,
      entry: (url) => ({ path: '/blobs/', reply: redirect(`${url}/x`) }),
    },
    {
      name: 'a redirect of a manifest',
      path: manifest,
      entry: (url) => ({ path: '/manifests/', reply: redirect(`${url}/x`, 302) }),
    },
    {
      name: 'a token realm',
      path: manifest,
      entry: (url) => ({ path: '/v2/', reply: bearerChallenge(`${url}/token`, 'x') }),
    },
    {
      name: 'a redirect of a token server',
      path: manifest,
      entry: () => ({ path: '/v2/', reply: bearerChallenge(`http://${REGISTRY}/realm`, 'x') }),
      further: (url) => [{ path: '/realm', reply: redirect(`${url}/x`) }],
    },
    {
      name: 'the second redirect of a token server',
      path: manifest,
      entry: () => ({ path: '/v2/', reply: bearerChallenge(`http://${REGISTRY}/realm`, 'x') }),
      further: (url) => [
        { path: '/realm', reply: redirect(`http://${REGISTRY}/hop`) },
        { path: '/hop', reply: redirect(`${url}/x`) },
      ],
    },
    {
      name: 'the second redirect of a blob',
      path: blob,
      entry: () => ({ path: '/blobs/', reply: redirect(`http://${REGISTRY}/hop`) }),
      further: (url) => [{ path: '/hop', reply: redirect(`${url}/x`) }],
    },
    {
      name: 'a Link of a tag list',
      path: tags,
      entry: (url) => ({ path: '/tags/list', reply: link(url) }),
    },
    {
      name: 'a Link of a referrers list',
      path: referrers,
      entry: (url) => ({
        path: '/referrers/',
        reply: {
          status: 200,
          headers: { 'content-type': MEDIA_TYPES.oci.index, ...link(url).headers },
          body: JSON.stringify({
            schemaVersion: 2,
            mediaType: MEDIA_TYPES.oci.index,
            manifests: [],
          }),
        },
      }),
    },
    {
      name: 'a redirect of a referrers list',
      path: referrers,
      entry: (url) => ({ path: '/referrers/', reply: redirect(`${url}/x`, 303) }),
    },
  ]

  for (const { name, path, entry, further = () => [] } of ways) {
    test(`${name} leads to no local address`, async () => {
      await using place = await Place.start()
      for (const url of hosts(place.trap.port)) {
        place.upstream.clearScript()
        place.upstream.script(entry(url), ...further(url))
        await place.mirror.get(path)
        place.assertOnlyRegistry(`${name} to ${url}`)
      }
      assert.notEqual(place.proxy.asked.length, 0, 'the registry itself was asked')
      for (const { path: hop = '' } of further('')) {
        assert.notEqual(place.upstream.log.find({ path: hop }).length, 0, `${hop} was asked`)
      }
    })
  }

  test('without a proxy, a redirect leads to no local address either', async () => {
    await using trap = await Trap.start()
    await using upstream = await ScriptedUpstream.start()
    // Connects to this machine, and is no loopback address by its looks.
    const endpoint = upstream.url.replace('127.0.0.1', '0.0.0.0')
    await using mirror = await TestMirror.start({ registries: { [REGISTRY]: endpoint } })
    upstream.addBlob('org/app', BLOB)
    assert.equal((await mirror.get(blob)).status, 200)
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433']) {
      upstream.clearScript()
      upstream.script({ path: '/manifests/', reply: redirect(`http://${host}:${trap.port}/x`) })
      assert.equal((await mirror.get(manifest)).status, 502, host)
    }
    assert.equal(trap.connections, 0)
  })

  test('a Link leads to no other host at all', async () => {
    await using place = await Place.start()
    for (const way of ways.filter((each) => each.name.includes('Link'))) {
      place.upstream.script(way.entry('http://elsewhere.test'))
      await place.mirror.get(way.path)
      place.assertOnlyRegistry(way.name)
    }
  })

  test('the URLs of a foreign layer are never asked', async () => {
    await using place = await Place.start()
    const { mirror, upstream, trap } = place
    const layer = seededContent('foreign', 2000)
    const config = seededContent('config', 100)
    upstream.addBlob('org/app', config)
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.oci.manifest,
        config: { mediaType: MEDIA_TYPES.oci.config, digest: config.digest, size: config.size },
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
            digest: layer.digest,
            size: layer.size,
            urls: [`http://127.0.0.1:${trap.port}/layer`, 'http://elsewhere.test/layer'],
          },
        ],
      }),
    )
    const top = { ...IMAGE.top, digest: sha256(bytes), size: bytes.length }
    upstream.addImage('org/app', 'foreign', {
      ...IMAGE,
      top,
      manifests: new Map([[top.digest, { mediaType: MEDIA_TYPES.oci.manifest, bytes }]]),
    })
    const image = await mirror.get(`/v2/${REGISTRY}/org/app/manifests/foreign`)
    assert.deepEqual(image.body, bytes)
    const missing = await mirror.get(`/v2/${REGISTRY}/org/app/blobs/${layer.digest}`)
    assert.equal(missing.status, 404)
    place.assertOnlyRegistry('foreign layers')
    upstream.addBlob('org/foreign', layer)
    const held = await mirror.get(`/v2/${REGISTRY}/org/foreign/blobs/${layer.digest}`)
    assert.equal(held.status, 200, 'a registry that has the layer gives it')
  })
})
