// Through a proxy as without one: few connections, used again, and none after the end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { UpstreamError } from '../../src/errors.ts'
import type { RegistrySettings } from '../../src/upstream/upstreams.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { Authority } from '../support/certificates.ts'
import { SocksProxy } from '../support/socks-proxy.ts'
import { NAME, QUICK, SILENT, TAG } from './upstream-server.ts'
import { upstreamWithImage } from './way-out.ts'

function upstreamsOf(t: TestContext, registry: RegistrySettings) {
  const upstreams = createUpstreams({
    registries: new Map([['docker.io', registry]]),
    limits: { ...QUICK, connectionsPerOrigin: 2 },
    offline: false,
    userAgent: 'regmirror/test',
    events: SILENT,
  })
  t.after(() => upstreams.close())
  return upstreams
}

for (const kind of ['http', 'https', 'socks5']) {
  for (const secure of [false, true]) {
    const target = secure ? 'https' : 'http'
    test(`${kind} proxy: ten requests of ${target} share two connections`, async (t) => {
      await using authority = await Authority.create()
      const certificate = await authority.issue()
      await using upstream = await upstreamWithImage(secure ? { certificate } : undefined)
      const options = kind === 'https' ? { certificate } : {}
      await using proxy =
        kind === 'socks5' ? await SocksProxy.start() : await HttpProxy.start(options)
      const registry = upstreamsOf(t, {
        endpoints: [new URL(upstream.url)],
        proxy: new URL(proxy.url),
        ca: authority.certificate,
      }).registry('docker.io')
      const ten = Array.from({ length: 10 }, () => registry.getManifest(NAME, TAG))
      assert.deepEqual(await Promise.all(ten), Array.from({ length: 10 }))
      assert.equal(upstream.log.all.length, 10)
      assert.equal(proxy.connections, 2)
    })
  }
}

test('after the end no proxy is dialled', async (t) => {
  await using proxy = await HttpProxy.start()
  const endpoints = [new URL('https://registry.test')]
  const upstreams = upstreamsOf(t, { endpoints, proxy: new URL(proxy.url) })
  await upstreams.close()
  await assert.rejects(upstreams.registry('docker.io').getManifest(NAME, TAG), UpstreamError)
  assert.equal(proxy.connections, 0)
})
