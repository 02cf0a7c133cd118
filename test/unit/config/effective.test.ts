// What `regmirror config` prints reads back as the same configuration.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, suite, test } from 'node:test'
import fc from 'fast-check'
import { effectiveAsJson, effectiveAsYaml } from '../../../src/config/effective.ts'
import type { Flags } from '../../../src/config/load.ts'
import { wellKnownRegistries } from '../../../src/config/well-known.ts'
import { Authority } from '../../support/certificates.ts'
import { TempFolder } from '../../support/temp-folder.ts'
import { load } from './loading.ts'

const folder = new TempFolder('effective')
const authority = await Authority.create()
const pair = await authority.issue()
after(() => Promise.all([folder.close(), authority.close()]))

function file(name: string, text = ''): string {
  writeFileSync(folder.join(name), text)
  return folder.join(name)
}

const seed = Number(process.env['REGMIRROR_SEED'] ?? 1)

const port = fc.integer({ min: 0, max: 65_535 })
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.domain(),
)
const unit = fc.constantFrom('ms', 's', 'm', 'h')
const duration = fc
  .tuple(fc.integer({ min: 1, max: 500 }), unit)
  .map(([count, of]) => `${count}${of}`)
const name = fc.oneof(
  fc.domain(),
  fc.tuple(fc.ipV4(), port).map(([address, at]) => `${address}:${at}`),
  fc.stringMatching(/^[a-z]{3,8}$/).map((word) => `alias:${word}`),
)
const url = fc.tuple(fc.constantFrom('http', 'https'), host, port, fc.constantFrom('', '/a/b'))
const endpoints = fc.array(
  url.map(([scheme, at, on, path]) => `${scheme}://${at}:${on}${path}`),
  { minLength: 1, maxLength: 3 },
)
const registries = fc
  .uniqueArray(fc.tuple(name, endpoints), {
    maxLength: 4,
    selector: ([registry]) => registry.replace('alias:', '').toLowerCase(),
  })
  .map((all) => all.map(([registry, urls]) => `${registry}=${urls.join(',')}`))
const glob = fc.constantFrom(
  '',
  '*-rc*=',
  '{a,b}=',
  'ghcr.io/**=',
  '#x=',
  "it's=",
  'a.b/c:*=',
  '!1*=',
)
const ttls = fc.array(
  fc.tuple(glob, duration).map((parts) => parts.join('')),
  { maxLength: 4 },
)
const one = (text: fc.Arbitrary<string>) => text.map((value) => [value])
const constants = (...values: string[]) => fc.constantFrom(...values)

const known = fc.constantFrom(...wellKnownRegistries.keys())
const FOR_ALL = ''

// `NAME=VALUE` for some of the registries, or VALUE where the name is FOR_ALL.
function options(value: fc.Arbitrary<string>, name: fc.Arbitrary<string> = known) {
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([of]) => of })
    .map((all) => all.map(optionText))
}

function repeatedOptions(value: fc.Arbitrary<string>, name: fc.Arbitrary<string>) {
  return fc.array(fc.tuple(name, value), { maxLength: 4 }).map((all) => all.map(optionText))
}

function optionText([name, value]: [string, string]): string {
  return name === FOR_ALL ? value : `${name}=${value}`
}

const orForAll = fc.oneof(known, fc.constant(FOR_ALL))
const onOff = constants('true', 'no')
// Nothing looks at the certificates of the ones, so the others have authorities.
const insecure = constants('docker.io', 'ghcr.io')
const authorities = constants('quay.io', 'gcr.io', 'nvcr.io', FOR_ALL)
const pem = [file("it's #1: {a}.pem", authority.certificate), authority.certificateFile]
const both = file('both.pem', pair.key + pair.certificate)
const login = file('- login')
const globs = constants('myorg/*', '{a,b}/**', '!(x)', 'a/b', '*')
const listeners = fc.uniqueArray(fc.tuple(known, fc.integer({ min: 60_001, max: 65_535 })), {
  maxLength: 3,
  selector: ([of]) => of,
})
const proxies = fc.oneof(
  fc.constant('none'),
  fc
    .tuple(constants('http', 'https', 'socks5', 'socks5h'), host, port)
    .map(([scheme, at, on]) => `${scheme}://${at}:${on}`),
)
const aliases = fc.uniqueArray(fc.tuple(fc.domain(), known), {
  maxLength: 3,
  selector: ([of]) => of.toLowerCase(),
})

const flags: fc.Arbitrary<Flags> = fc.record(
  {
    listen: one(
      fc.tuple(host, fc.integer({ min: 0, max: 60_000 })).map((parts) => parts.join(':')),
    ),
    catalog: one(onOff),
    sendfile: one(onOff),
    data: one(fc.string({ minLength: 1 }).map((text) => `/srv/${text.replaceAll('\0', '')}`)),
    offline: one(fc.constantFrom('true', 'false')),
    abandoned: one(fc.constantFrom('finish', 'park', 'auto')),
    registry: registries,
    'default-registry': one(fc.constantFrom('ghcr.io', 'index.docker.io')),
    'registry-listen': listeners.map((all) => {
      const ports = new Map(all.map(([of, on]) => [on, of]))
      return Array.from(ports, ([on, of]) => `${of}=127.0.0.1:${on}`)
    }),
    alias: aliases.map((all) => all.map((parts) => parts.join('='))),
    allow: one(constants('/srv/allows.txt', '~/lists/allow: all')),
    block: one(constants('/srv/block.txt')),
    warm: one(constants('/srv/mirror.txt', "lists/it's #1: {a}.txt")),
    'base-domain': one(fc.domain()),
    'literal-names': options(onOff),
    'tag-ttl': ttls,
    proxy: options(proxies, orForAll),
    ca: repeatedOptions(constants(...pem), authorities),
    'client-cert': options(constants(both, `${pair.certificateFile},${pair.keyFile}`)),
    insecure: options(onOff, insecure),
    ip: options(constants('4', '6', 'auto'), orForAll),
    segments: options(constants('1', '4', '16'), orForAll),
    credentials: options(constants('none', 'env:LOGIN', `file:${login}`, `docker-config:${login}`)),
    'docker-config': one(fc.constant(login)),
    'trusted-host': repeatedOptions(constants('a.b', '*.c.d,[::1]:8443', '10.0.0.7'), insecure),
    private: options(
      fc.oneof(
        constants('deny', 'everyone'),
        fc.array(globs, { minLength: 1, maxLength: 3 }).map((all) => all.join(',')),
      ),
    ),
    'stale-after': one(duration),
    'upstream-idle-timeout': one(duration),
    log: one(fc.constantFrom('text', 'json')),
  },
  { requiredKeys: [] },
)
const tls: fc.Arbitrary<Flags> = fc.constantFrom<Flags>(
  {},
  { tls: ['self'] },
  { tls: ['self'], 'tls-name': ['box.lan', '10.0.0.2'] },
  { 'tls-cert': [pair.certificateFile], 'tls-key': [pair.keyFile] },
)
const times: fc.Arbitrary<Flags> = fc.constantFrom<Flags>(
  {},
  { warm: ['/srv/mirror.txt'], 'warm-at': ['01:30'] },
  { warm: ['/srv/mirror.txt'], 'warm-at': ['*/20 1-5 * * MON-FRI'] },
)
const env = { LOGIN: 'user:hunter2', https_proxy: 'http://10.0.0.1:3128', NO_PROXY: '.lan' }

suite('effective configuration', () => {
  test('printed as YAML it reads back the same', () => {
    fc.assert(
      fc.property(flags, tls, times, (given, more, due) => {
        const first = load({ flags: { ...given, ...more, ...due }, env })
        const second = load({ yaml: effectiveAsYaml(first), env })
        assert.deepEqual(second.config, first.config)
        assert.deepEqual(values(effectiveAsYaml(second)), values(effectiveAsYaml(first)))
      }),
      { seed, numRuns: 200 },
    )
  })

  test('each value names its origin', () => {
    const loaded = load({
      flags: {
        listen: [':5001'],
        registry: ['alias:lab=http://x/y'],
        ip: ['4'],
        private: ['lab=myorg/*'],
      },
      yaml: 'aliases: {hub.lan: docker.io}',
      env: { REGMIRROR_TAG_TTL: '*-rc*=5m' },
    })
    const yaml = effectiveAsYaml(loaded)
    assert.match(yaml, /^listen: 0\.0\.0\.0:5001 {2}# --listen$/m)
    assert.match(yaml, /^stale-after: 5s {2}# default$/m)
    assert.match(yaml, /^tag-ttl: {2}# 1m, and 24h for exact versions/m)
    assert.match(yaml, /^ {2}- "?\*-rc\*=5m"? {2}# REGMIRROR_TAG_TTL$/m)
    assert.match(
      yaml,
      /^ {2}docker\.io: {2}# built in\n.*\n {6}- https:\/\/registry-1\.docker\.io$/m,
    )
    assert.match(yaml, /^ {2}alias:lab: {2}# --registry\n.*\n {6}- http:\/\/x\/y$/m)
    assert.match(yaml, /^ip: 4 {2}# --ip$/m)
    assert.match(yaml, /^aliases:\n {2}hub\.lan: docker\.io {2}# .*regmirror\.yaml: aliases\.hub/m)
    assert.match(yaml, /^ {4}private: {2}# --private\n {6}- myorg\/\*$/m)
    const json = effectiveAsJson(loaded) as Record<string, unknown>
    assert.deepEqual(json['listen'], { value: '0.0.0.0:5001', origin: '--listen' })
    assert.deepEqual(json['ip'], { value: 4, origin: '--ip' })
    const { lab, 'alias:lab': shown } = json['registries'] as Record<string, unknown>
    assert.equal(lab, undefined)
    assert.deepEqual(shown, {
      endpoints: ['http://x/y'],
      origin: '--registry',
      private: { value: ['myorg/*'], origin: '--private' },
    })
    assert.deepEqual(json['tag-ttl'], {
      moving: '1m',
      exact: '24h',
      entries: [{ value: '*-rc*=5m', origin: 'REGMIRROR_TAG_TTL' }],
    })
  })
})

function values(yaml: string): string {
  return yaml.replaceAll(/ {2}# .*$/gm, '')
}
