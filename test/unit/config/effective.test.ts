// What `regmirror config` prints reads back as the same configuration.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { effectiveAsJson, effectiveAsYaml } from '../../../src/config/effective.ts'
import type { Flags } from '../../../src/config/load.ts'
import { load } from './loading.ts'

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

const flags: fc.Arbitrary<Flags> = fc.record(
  {
    listen: one(fc.tuple(host, port).map((parts) => parts.join(':'))),
    data: one(fc.string({ minLength: 1 }).map((text) => `/srv/${text.replaceAll('\0', '')}`)),
    offline: one(fc.constantFrom('true', 'false')),
    abandoned: one(fc.constantFrom('finish', 'park', 'auto')),
    registry: registries,
    'default-registry': one(fc.constantFrom('ghcr.io', 'index.docker.io')),
    'tag-ttl': ttls,
    'stale-after': one(duration),
    'upstream-idle-timeout': one(duration),
    log: one(fc.constantFrom('text', 'json')),
  },
  { requiredKeys: [] },
)

suite('effective configuration', () => {
  test('printed as YAML it reads back the same', () => {
    fc.assert(
      fc.property(flags, (given) => {
        const first = load({ flags: given })
        const second = load({ yaml: effectiveAsYaml(first) })
        assert.deepEqual(second.config, first.config)
        assert.deepEqual(values(effectiveAsYaml(second)), values(effectiveAsYaml(first)))
      }),
      { seed, numRuns: 200 },
    )
  })

  test('each value names its origin', () => {
    const loaded = load({
      flags: { listen: [':5001'], registry: ['alias:lab=http://x/y'] },
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
    const json = effectiveAsJson(loaded) as Record<string, unknown>
    assert.deepEqual(json['listen'], { value: '0.0.0.0:5001', origin: '--listen' })
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
