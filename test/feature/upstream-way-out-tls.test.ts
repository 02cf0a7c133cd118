// Whose certificates are believed, who is shown ours, and what a person is told to do otherwise.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Secret } from '../../src/lib/secret.ts'
import { Authority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { redirect } from '../support/scripted-reply.ts'
import type { ScriptedUpstream } from '../support/scripted-upstream.ts'
import type { RegistryChanges, TestMirror } from '../support/test-mirror.ts'
import { BLOBS, failure, mirrorOf, pull, upstreamWithImage } from './way-out.ts'

const UNKNOWN =
  /^docker\.io: \S+ has a certificate from an authority that is not known here: trust it with --ca docker\.io=FILE$/

let authority: Authority
let certificate: Certificate // for 127.0.0.1 and localhost
let shown: RegistryChanges['clientCertificate']

before(async () => {
  authority = await Authority.create()
  certificate = await authority.issue()
  const ours = await authority.issue({ names: ['client.test'] })
  shown = { certificate: ours.certificate, key: new Secret(ours.key) }
})
after(() => authority.close())

function trusting(upstream: ScriptedUpstream, more: Partial<RegistryChanges> = {}) {
  return mirrorOf(trustedRegistry(upstream, more))
}

function trustedRegistry({ url }: ScriptedUpstream, more: Partial<RegistryChanges>) {
  return { endpoints: [url], ca: authority.certificate, ...more }
}

// A registry that lets nobody in without one.
function upstreamForClients(): Promise<ScriptedUpstream> {
  return upstreamWithImage({ certificate, clientAuthority: authority.certificate })
}

async function answersOf(mirror: TestMirror): Promise<number[]> {
  const all: number[] = []
  for (const what of ['manifests/1', `blobs/${BLOBS[0]}`, 'tags/list']) {
    all.push((await mirror.get(`/v2/library/app/${what}`)).status)
  }
  return all
}

// Another name of the same address, so another host.
function elsewhere(upstream: ScriptedUpstream): string {
  return upstream.url.replace('127.0.0.1', 'localhost')
}

function sendBlobsTo(storage: string, upstream: ScriptedUpstream): void {
  for (const digest of BLOBS) {
    const path = `/v2/library/app/blobs/${digest}`
    upstream.script({ path, reply: redirect(storage + path) })
  }
}

function failureOfBlob(mirror: TestMirror): Promise<string> {
  return failure(mirror, `blobs/${BLOBS[0]}`)
}

test('a private authority is believed when it is given, and only then', async () => {
  await using upstream = await upstreamWithImage({ certificate })
  await using mirror = await trusting(upstream)
  await pull(mirror)
  const asked = upstream.log.all.length
  await using other = await mirrorOf(upstream.url)
  assert.match(await failure(other), UNKNOWN)
  assert.equal(upstream.log.all.length, asked)
})

test('a private authority is believed for storage on another host too', async () => {
  await using storage = await upstreamWithImage({ certificate })
  await using upstream = await upstreamWithImage({ certificate })
  sendBlobsTo(elsewhere(storage), upstream)
  await using mirror = await trusting(upstream)
  await pull(mirror)
  assert.equal(storage.log.all.length, BLOBS.length)
})

test('a certificate for another name names the ones it is for', async () => {
  const names = ['registry.test', '10.0.0.5']
  await using upstream = await upstreamWithImage({ certificate: await authority.issue({ names }) })
  await using mirror = await trusting(upstream)
  const wanted = /has a certificate for registry\.test, 10\.0\.0\.5, not for this name/
  assert.match(await failure(mirror), wanted)
  assert.equal(upstream.log.all.length, 0)
})

test('a certificate that has expired is called that, and not tried again', async () => {
  const expired = await authority.issue({ expired: true })
  await using upstream = await upstreamWithImage({ certificate: expired })
  await using mirror = await trusting(upstream)
  assert.match(await failure(mirror), /has a certificate that has expired: /)
  assert.equal(upstream.connections, 1)
})

test('a plain HTTP server behind https:// is called that', async () => {
  await using upstream = await upstreamWithImage()
  await using mirror = await mirrorOf(upstream.url.replace('http:', 'https:'))
  assert.match(await failure(mirror), /does not speak TLS: .* write http:\/\/ in the address$/)
})

test('a client certificate is shown to the registry that wants one', async () => {
  await using upstream = await upstreamForClients()
  await using mirror = await trusting(upstream, { clientCertificate: shown, private: 'everyone' })
  await pull(mirror)
  await using without = await trusting(upstream)
  const asked = upstream.log.all.length
  assert.match(await failure(without), /^docker\.io: 127\.0\.0\.1:\d+ /)
  assert.equal(upstream.log.all.length, asked)
})

test('a client certificate is shown to no other host, unless that is trusted', async () => {
  await using storage = await upstreamForClients()
  await using upstream = await upstreamForClients()
  sendBlobsTo(elsewhere(storage), upstream)
  const registry = { clientCertificate: shown, private: 'everyone' } as const
  await using mirror = await trusting(upstream, registry)
  assert.match(await failureOfBlob(mirror), /^docker\.io: localhost:\d+ /)
  assert.equal(storage.log.all.length, 0)

  const trustedHosts = ['localhost']
  await using told = await trusting(upstream, { ...registry, trustedHosts })
  await pull(told)
})

test('a client certificate goes through a tunnel, to the registry', async () => {
  await using upstream = await upstreamForClients()
  await using proxy = await HttpProxy.start({ certificate })
  const registry = { clientCertificate: shown, private: 'everyone' } as const
  await using mirror = await trusting(upstream, { ...registry, proxy: new URL(proxy.url) })
  await pull(mirror)
  assert.equal(proxy.tunnelsTo(new URL(upstream.url).host), upstream.connections)
})

test('a client certificate opens its registry to nobody, and nothing is dialled to find out', async () => {
  await using upstream = await upstreamForClients()
  await using mirror = await trusting(upstream, { clientCertificate: shown })
  for (const what of ['manifests/1', `blobs/${BLOBS[0]}`, 'tags/list']) {
    const { status, body } = await mirror.get(`/v2/library/app/${what}`)
    assert.equal(status, 404)
    assert.match(body.toString(), /docker\.io\/library\/app is asked for with a client certificate/)
    assert.match(body.toString(), /--private docker\.io=everyone, or with a list/)
  }
  assert.equal(upstream.connections, 0)
})

test('what a client certificate brought is for whom the policy names, with the certificate or without', async () => {
  await using upstream = await upstreamForClients()
  const registry = (more: Partial<RegistryChanges>) => ({
    registries: { 'docker.io': trustedRegistry(upstream, more) },
  })
  await using mirror = await trusting(upstream, {
    clientCertificate: shown,
    private: ['library/*'],
  })
  await pull(mirror)
  assert.deepEqual(await answersOf(mirror), [200, 200, 200])
  const asked = upstream.log.all.length
  for (const more of [{ clientCertificate: shown, private: ['other/*'] }, {}]) {
    await mirror.restart(registry(more))
    assert.deepEqual(await answersOf(mirror), [404, 404, 404])
  }
  assert.equal(upstream.log.all.length, asked)
})

test('unverified TLS is for the hosts of the registry, on any port', async () => {
  await using storage = await upstreamWithImage({ certificate })
  await using upstream = await upstreamWithImage({ certificate })
  await using mirror = await mirrorOf({ endpoints: [upstream.url], unverifiedTls: true })
  sendBlobsTo(storage.url, upstream)
  await pull(mirror)
  assert.equal(storage.log.all.length, BLOBS.length)
})

test('unverified TLS is not for a host that the registry sends us to, unless that is trusted', async () => {
  await using storage = await upstreamWithImage({ certificate })
  await using upstream = await upstreamWithImage({ certificate })
  sendBlobsTo(elsewhere(storage), upstream)
  const registry = { endpoints: [upstream.url], unverifiedTls: true }
  await using mirror = await mirrorOf(registry)
  assert.match(await failureOfBlob(mirror), UNKNOWN)
  assert.equal(storage.log.all.length, 0)
  await using told = await mirrorOf({ ...registry, trustedHosts: ['localhost'] })
  await pull(told)
})
