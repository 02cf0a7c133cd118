// A Config that a test gives to the packaged program arrives there as it is.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { plainRegistry } from '../../../src/config/config.ts'
import type { Config, RegistryConfig } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { Authority } from '../../support/certificates.ts'
import { writeConfig } from '../../support/packaged-config.ts'
import { TempFolder } from '../../support/temp-folder.ts'

suite('the packaged program', () => {
  test('is given every field', async () => {
    await using folder = new TempFolder('packaged')
    await using authority = await Authority.create()
    const pair = await authority.issue()
    const registry: RegistryConfig = {
      endpoints: [new URL('https://a/b'), new URL('http://c:1')],
      literalNames: true,
      proxy: new URL('socks5://u:p@10.0.0.1:1080'),
      ca: authority.certificate,
      clientCertificate: { certificate: pair.certificate, key: new Secret(pair.key) },
      unverifiedTls: false,
      ipFamily: 4,
      segments: 3,
      credentials: { kind: 'login', username: 'file', password: new Secret('a, b=c:d') },
      trustedHosts: ['a.b', '*.c.d'],
      private: ['myorg/*'],
    }
    const config: Config = {
      ...loadConfig({}, [], { REGMIRROR_DATA: folder.join('data') }, true).config,
      listen: { host: '127.0.0.1', port: 0 },
      registryListeners: [{ registry: 'lab.test:5000', host: '127.0.0.1', port: 0 }],
      tls: { kind: 'files', certificateFile: pair.certificateFile, keyFile: pair.keyFile },
      hosts: new Map([['lab.box.lan', 'lab.test:5000']]),
      allow: folder.join('allows.txt'),
      block: folder.join('block.txt'),
      catalog: false,
      sendfile: false,
      warm: { file: folder.join('mirror.txt'), at: '*/5 1-5 * * *' },
      environmentProxy: { http: new URL('http://u:p@h:1'), https: undefined, noProxy: '.lan' },
      dockerConfig: pair.keyFile,
      registries: new Map([
        ['lab.test:5000', registry],
        ['own', { ...plainRegistry, endpoints: [new URL('http://own')], unverifiedTls: true }],
        ['ghcr.io', { ...plainRegistry, endpoints: [new URL('http://x')], private: 'everyone' }],
      ]),
      defaultRegistry: 'ghcr.io',
      aliases: new Map([['lab.lan', 'lab.test:5000']]),
      pathAliases: new Map([
        ['lab', 'lab.test:5000'],
        ['own', 'own'],
      ]),
    }
    const { file, env, listen, registryAddresses } = await writeConfig(config, folder)
    const loaded = loadConfig({ config: [file] }, [], env, true)
    const { registries, ...rest } = loaded.config

    const lab = registries.get('lab.test:5000')
    assert.deepEqual(lab, registry)
    assert.equal(lab?.clientCertificate?.key.reveal(), pair.key)
    assert.ok(lab.credentials?.kind === 'login')
    assert.equal(lab.credentials.password.reveal(), 'a, b=c:d')
    assert.deepEqual(registries.get('lab'), registry)
    assert.deepEqual(registries.get('own'), config.registries.get('own'))
    assert.deepEqual(registries.get('ghcr.io'), config.registries.get('ghcr.io'))
    assert.deepEqual(rest.listen, listen)
    assert.notEqual(listen.port, 0)
    const address = registryAddresses.get('lab.test:5000')
    assert.deepEqual(rest.registryListeners, [{ registry: 'lab.test:5000', ...address }])
    for (const key of [
      'tls',
      'catalog',
      'sendfile',
      'environmentProxy',
      'dockerConfig',
      'defaultRegistry',
    ] as const)
      assert.deepEqual(rest[key], config[key])
    for (const host of ['lab.box.lan', 'lab.lan']) {
      assert.equal(rest.aliases.get(host), 'lab.test:5000')
      assert.equal(rest.hosts.get(host), 'lab.test:5000')
    }
    assert.deepEqual([...rest.pathAliases.keys()].sort(), ['lab', 'own'])
    assert.deepEqual(loaded.warnings, [])
  })
})
