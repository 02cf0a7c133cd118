// Real clients over https from an authority that the mirror made itself, trusted as its banner says;
// and over plain http where they try https first.
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { lanAddresses } from '../../src/lib/lan-addresses.ts'
import { issueAuthority, issueServer } from '../../src/tls/x509.ts'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget, RunningClient } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Dockerd } from '../support/dockerd.ts'
import { buildImage, HELLO } from '../support/images.ts'
import { Podman } from '../support/podman.ts'
import { Program, run } from '../support/process.ts'
import { pushImage } from '../support/push-image.ts'
import { rawRequest } from '../support/raw-http.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'

interface Case {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient | RunningClient>
}

const REFERENCE = 'docker.io/library/box:1'
// Docker takes whatever is on loopback for one that need not prove itself.
const [LAN] = lanAddresses()
const NO_LAN = LAN === undefined ? 'this machine has no address but loopback' : undefined

const CLIENTS: readonly Case[] = [
  { name: 'skopeo', skip: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', skip: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
  {
    name: 'containerd',
    skip: Containerd.unavailable(),
    start: (mirror) => Containerd.start(mirror),
  },
  {
    name: 'dockerd',
    skip: NO_LAN ?? Dockerd.unavailable(),
    start: (mirror) => Dockerd.start(mirror),
  },
]

const skipAll = unavailable('docker-registry', 'curl') ?? false

describe('real clients and TLS', { skip: skipAll, timeout: 300_000 }, () => {
  const image = buildImage({ seed: 'tls', form: 'oci', bigLayers: 1, bigLayerMiB: 8 })
  const folder = new TempFolder('tls-e2e')
  const [own, other] = [folder.join('own.crt'), folder.join('other.crt')]
  let registry: DockerRegistry
  let mirror: RegMirror

  before(async () => {
    registry = await DockerRegistry.start()
    await pushImage(registry.url, 'library/box', '1', image)
    const registries = { 'docker.io': registry.url }
    mirror = await RegMirror.start({ registries, host: '0.0.0.0', args: ['--tls', 'self'] })
    await run('curl', ['-fsSo', own, `${mirror.url}/ca.crt`])
    writeFileSync(other, issueAuthority('another', Date.now()).certificate)
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    await folder.close()
  })

  for (const { name, skip, start } of CLIENTS) {
    const url = () => `https://${LAN ?? '127.0.0.1'}:${mirror.port}`

    test(
      `${name} that trusts the authority pulls over https`,
      { skip: skip ?? false },
      async () => {
        await using client = await start({ url: url(), ca: own })
        assert.equal(await client.pull(REFERENCE), image.top.digest)
        if ('run' in client) assert.equal(await client.run(REFERENCE), HELLO)
      },
    )

    test(`${name} that trusts another does not`, { skip: skip ?? false }, async () => {
      await using client = await start({ url: url(), ca: other })
      await assert.rejects(client.pull(REFERENCE))
    })
  }

  test('what the banner tells to run makes a client trust the mirror', async () => {
    const line = await mirror.program.waitForLine(/to trust it +curl -fsSo \S+ http:/)
    const [, address = ''] = /(http:\S+\/ca\.crt)/.exec(line) ?? []
    const shown = await mirror.program.waitForLine(/^ +SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    const file = folder.join('banner.crt')
    await run('curl', ['-fsSo', file, address])
    const { stdout } = await run('openssl', [
      'x509',
      '-in',
      file,
      '-noout',
      '-fingerprint',
      '-sha256',
    ])
    assert.equal(stdout.trim().split('=')[1], shown.trim().split(' ')[1])
    const host = new URL(address).host
    await run('curl', ['-fsS', '--cacert', file, `https://${host}/v2/`])
  })

  const UNVERIFYING: readonly Case[] = [
    ...CLIENTS.slice(0, 2),
    {
      name: 'containerd',
      skip: Containerd.unavailable(),
      start: (plain) => Containerd.start(plain, undefined, { skipVerify: true }),
    },
  ]

  // They send a TLS hello to the plain port first.
  for (const { name, skip, start } of UNVERIFYING) {
    test(
      `${name} that need not verify pulls from a plain mirror`,
      { skip: skip ?? false },
      async () => {
        const registries = { 'docker.io': registry.url }
        await using plain = await RegMirror.start({ registries })
        await using client = await start({ url: plain.url })
        assert.equal(await client.pull(REFERENCE), image.top.digest)
        assert.doesNotMatch(plain.program.stderr, /warning|error|TLS/i)
      },
    )
  }
})

test('SIGHUP reads the certificate again, at once', async () => {
  await using folder = new TempFolder('hup')
  const authority = issueAuthority('tests', Date.now())
  const write = (name: string): void => {
    const { certificate, key } = issueServer(authority, [name, '127.0.0.1'], Date.now())
    writeFileSync(folder.join('box.crt'), certificate)
    writeFileSync(folder.join('box.key'), key.reveal())
  }
  write('old.test')
  const files = ['--tls-cert', folder.join('box.crt'), '--tls-key', folder.join('box.key')]
  await using mirror = await RegMirror.start({ registries: {}, args: files })
  write('new.test')
  mirror.program.signal('SIGHUP')
  await mirror.program.waitForLine(/new connections get the changed certificate .*new\.test/, 4000)
  const url = mirror.url.replace('http:', 'https:')
  await using response = await rawRequest(`${url}/v2/`, { ca: authority.certificate })
  assert.equal(response.status, 200)
})

test('files that are no certificate and key end the start with a sentence', async () => {
  await using folder = new TempFolder('bad')
  const { certificate } = issueAuthority('tests', Date.now())
  const { key } = issueAuthority('others', Date.now())
  writeFileSync(folder.join('box.crt'), certificate)
  writeFileSync(folder.join('box.key'), key.reveal())
  const files = ['--tls-cert', folder.join('box.crt'), '--tls-key', folder.join('box.key')]
  const data = ['--data', folder.join('data'), '--listen', '127.0.0.1:0']
  await using program = new Program(binaryPath(), ['serve', ...data, ...files])
  assert.deepEqual(await program.exited, { code: 2, signal: null })
  assert.match(program.stderr, /^regmirror: .*box\.key.* does not belong to .*box\.crt/m)
  assert.ok(!existsSync(folder.join('data/tls')))
})
