import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { resolvePlace, resolveTarget } from '../../../src/mirror/target.ts'
import type { Address, Asked } from '../../../src/mirror/target.ts'
import { campaign, seed } from '../../support/seed.ts'

const PLAIN = { literalNames: false }

const addressing = {
  registries: new Map([
    ['docker.io', PLAIN],
    ['ghcr.io', PLAIN],
    ['lab.test:5000', PLAIN],
    ['registry.k8s.io', PLAIN],
    ['harbor.corp', { literalNames: true }],
  ]),
  aliases: new Map([
    ['registry-1.docker.io', 'docker.io'],
    ['k8s.gcr.io', 'registry.k8s.io'],
    ['docker.box.lan', 'docker.io'],
    ['ghcr.box.lan', 'ghcr.io'],
  ]),
  pathAliases: new Map([
    ['lab', 'lab.test:5000'],
    ['hub', 'docker.io'],
  ]),
  hosts: new Map([
    ['docker.box.lan', 'docker.io'],
    ['ghcr.box.lan', 'ghcr.io'],
    ['box.lan:5443', 'lab.test:5000'],
    ['harbor.box.lan', 'harbor.corp'],
    ['k8s.box.lan', 'registry.k8s.io'],
  ]),
  defaultRegistry: 'docker.io',
}

const NOWHERE: Address = {
  listenerRegistry: undefined,
  host: 'box.lan:5000',
  prefix: undefined,
  ns: undefined,
}

// `registry/name` of what is meant, or the refusal; and whether ns decided.
function meant(asked: Partial<Asked> & Pick<Asked, 'name'>): string {
  const target = resolveTarget({ ...NOWHERE, ...asked }, addressing)
  if ('refused' in target) return target.refused
  const { repository, nsUsed } = target
  return `${repository.registry}/${repository.name}${nsUsed ? ' by ns' : ''}`
}

function table(rows: readonly (readonly [Partial<Asked> & Pick<Asked, 'name'>, string])[]): void {
  for (const [asked, wanted] of rows) {
    test(`${JSON.stringify(asked)} is ${wanted}`, () => assert.equal(meant(asked), wanted))
  }
}

// The name alone, and with ns.
table([
  [{ name: 'app' }, 'docker.io/library/app'],
  [{ name: 'some/app' }, 'docker.io/some/app'],
  [{ name: 'ghcr.io' }, 'docker.io/library/ghcr.io'],
  [{ name: 'k8s.gcr.io/pause' }, 'registry.k8s.io/pause'],
  [{ name: 'ghcr.io/some/app' }, 'ghcr.io/some/app'],
  [{ name: 'GHCR.io/some/app' }, 'ghcr.io/some/app'],
  [{ name: 'docker.io/app' }, 'docker.io/library/app'],
  [{ name: 'registry-1.docker.io/app' }, 'docker.io/library/app'],
  [{ name: 'ghcr.io/ghcr.io/app' }, 'ghcr.io/ghcr.io/app'],
  [{ name: 'lab.test:5000/app' }, 'lab.test:5000/app'],
  [{ name: 'lab.test:5001/app' }, 'name-unknown'],
  [{ name: 'lab.test/app' }, 'name-unknown'],
  [{ name: 'lab/app' }, 'lab.test:5000/app'],
  [{ name: 'hub/app' }, 'docker.io/library/app'],
  [{ name: 'lab' }, 'docker.io/library/lab'],
  [{ name: 'evil.test/app' }, 'name-unknown'],
  [{ name: 'localhost/app' }, 'name-unknown'],
  [{ name: '10.0.0.1/app' }, 'name-unknown'],
  [{ name: 'harbor.corp/ghcr.io/app' }, 'harbor.corp/ghcr.io/app'],
  [{ name: '' }, 'name-invalid'],
  [{ name: 'App' }, 'name-invalid'],
  [{ name: 'some//app' }, 'name-invalid'],
  [{ name: 'ghcr.io/' }, 'name-invalid'],
  [{ name: '/app' }, 'name-invalid'],
  [{ name: 'some/../app' }, 'name-invalid'],
  [{ name: 'some/app\n' }, 'name-invalid'],
  [{ name: 'ghcr.io/a/b/c/d/e/f/g/h/i' }, 'ghcr.io/a/b/c/d/e/f/g/h/i'],
  [{ name: `ghcr.io/${'a'.repeat(255)}` }, `ghcr.io/${'a'.repeat(255)}`],
  [{ name: `ghcr.io/${'a'.repeat(256)}` }, 'name-invalid'],
  [{ name: 'app', ns: 'docker.io' }, 'docker.io/library/app by ns'],
  [{ name: 'app', ns: 'REGISTRY-1.docker.io' }, 'docker.io/library/app by ns'],
  [{ name: 'app', ns: 'ghcr.io' }, 'ghcr.io/app by ns'],
  [{ name: 'app', ns: 'lab.test:5000' }, 'lab.test:5000/app by ns'],
  [{ name: 'pause', ns: 'k8s.gcr.io' }, 'registry.k8s.io/pause by ns'],
  [{ name: 'my.group/app', ns: 'ghcr.io' }, 'ghcr.io/my.group/app by ns'],
  [{ name: 'evil.test/app', ns: 'docker.io' }, 'docker.io/evil.test/app by ns'],
  [{ name: 'app', ns: 'evil.test' }, 'name-unknown'],
  [{ name: 'app', ns: '10.0.0.1' }, 'name-unknown'],
  [{ name: 'app', ns: 'ghcr.io:443' }, 'name-unknown'],
  [{ name: 'app', ns: 'lab' }, 'name-unknown'],
  [{ name: 'app', ns: '__proto__' }, 'name-unknown'],
  // U+212A, whose lower case is a plain k.
  [{ name: 'app', ns: 'doc\u212Aer.io' }, 'name-unknown'],
  [{ name: 'doc\u212Aer.io/app' }, 'name-unknown'],
])

// Name and ns together: they agree, or the name wins.
table([
  [{ name: 'ghcr.io/some/app', ns: 'ghcr.io' }, 'ghcr.io/some/app'],
  [{ name: 'ghcr.io/ghcr.io/app', ns: 'ghcr.io' }, 'ghcr.io/ghcr.io/app'],
  [{ name: 'docker.io/app', ns: 'index.docker.io' }, 'docker.io/library/app'],
  [{ name: 'registry.k8s.io/pause', ns: 'k8s.gcr.io' }, 'registry.k8s.io/pause'],
  [{ name: 'ghcr.io/some/app', ns: 'docker.io' }, 'ghcr.io/some/app'],
  [{ name: 'ghcr.io/some/app', ns: 'evil.test' }, 'ghcr.io/some/app'],
  [{ name: 'lab/app', ns: 'docker.io' }, 'lab.test:5000/app'],
])

// A registry that holds copies of others: what looks like a registry is part of its names.
table([
  [{ name: 'ghcr.io/some/app', ns: 'harbor.corp' }, 'harbor.corp/ghcr.io/some/app by ns'],
  [{ name: 'lab/app', ns: 'harbor.corp' }, 'harbor.corp/lab/app by ns'],
  [{ name: 'harbor.corp/ghcr.io/app', ns: 'harbor.corp' }, 'harbor.corp/ghcr.io/app by ns'],
  [{ name: 'harbor.corp/app', ns: 'ghcr.io' }, 'harbor.corp/app'],
  [{ name: 'ghcr.io/some/app' }, 'ghcr.io/some/app'],
])

// What comes with the mirror's own URL goes before both.
table([
  [{ name: 'app', host: 'docker.box.lan' }, 'docker.io/library/app'],
  [{ name: 'app', host: 'ghcr.box.lan' }, 'ghcr.io/app'],
  [{ name: 'app', host: 'ghcr.box.lan:5000' }, 'ghcr.io/app'],
  [{ name: 'app', host: 'box.lan:5443' }, 'lab.test:5000/app'],
  [{ name: 'app', host: 'box.lan:5444' }, 'docker.io/library/app'],
  [{ name: 'app', host: 'evil.test' }, 'docker.io/library/app'],
  [{ name: 'app', host: 'ghcr.io' }, 'docker.io/library/app'],
  [{ name: 'app', host: undefined }, 'docker.io/library/app'],
  [{ name: 'ghcr.io/app', host: 'ghcr.box.lan' }, 'ghcr.io/app'],
  [{ name: 'ghcr.box.lan/app', host: 'ghcr.box.lan' }, 'ghcr.io/app'],
  [{ name: 'ghcr.io/ghcr.io/app', host: 'ghcr.box.lan' }, 'ghcr.io/ghcr.io/app'],
  [{ name: 'docker.io/app', host: 'ghcr.box.lan' }, 'ghcr.io/docker.io/app'],
  [{ name: 'lab/app', host: 'box.lan:5443' }, 'lab.test:5000/lab/app'],
  [{ name: 'app', host: 'ghcr.box.lan', ns: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'app', host: 'ghcr.box.lan', ns: 'docker.io' }, 'ghcr.io/app'],
  [{ name: 'app', host: 'ghcr.box.lan', ns: 'evil.test' }, 'ghcr.io/app'],
  [{ name: 'app', listenerRegistry: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'app', listenerRegistry: 'docker.io' }, 'docker.io/library/app'],
  [{ name: 'ghcr.io/app', listenerRegistry: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'docker.io/app', listenerRegistry: 'ghcr.io' }, 'ghcr.io/docker.io/app'],
  [{ name: 'app', listenerRegistry: 'ghcr.io', ns: 'docker.io' }, 'ghcr.io/app'],
  [{ name: 'app', listenerRegistry: 'ghcr.io', ns: 'evil.test' }, 'ghcr.io/app'],
  [{ name: 'app', listenerRegistry: 'ghcr.io', host: 'ghcr.box.lan' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'GHCR.IO' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'hub' }, 'docker.io/library/app'],
  [{ name: 'app', prefix: 'k8s.gcr.io' }, 'registry.k8s.io/app'],
  [{ name: 'app', prefix: 'lab.test:5000' }, 'lab.test:5000/app'],
  [{ name: 'app', prefix: 'lab' }, 'lab.test:5000/app'],
  [{ name: 'lab/app', prefix: 'lab' }, 'lab.test:5000/lab/app'],
  [{ name: 'ghcr.io/app', prefix: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'ghcr.io/app', prefix: 'hub' }, 'docker.io/ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io', ns: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io', ns: 'docker.io' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io', ns: 'harbor.corp' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io', host: 'ghcr.box.lan' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: 'ghcr.io', listenerRegistry: 'ghcr.io' }, 'ghcr.io/app'],
  [{ name: 'app', prefix: '' }, 'name-unknown'],
  [{ name: 'app', prefix: 'evil.test' }, 'name-unknown'],
  [{ name: 'app', prefix: 'a/b' }, 'name-unknown'],
  [{ name: 'app', prefix: 'ghcr.io/b' }, 'name-unknown'],
  [{ name: 'app', prefix: 'ghcr.io/' }, 'name-unknown'],
  [{ name: 'app', prefix: 'evil.test', host: 'ghcr.box.lan' }, 'name-unknown'],
  [{ name: 'app', prefix: 'evil.test', listenerRegistry: 'ghcr.io' }, 'name-unknown'],
  [{ name: 'App', host: 'ghcr.box.lan' }, 'name-invalid'],
])

for (const [what, asked, named] of [
  ['host and path', { host: 'ghcr.box.lan', prefix: 'hub' }, ['ghcr.io', 'docker.io']],
  ['port and path', { listenerRegistry: 'ghcr.io', prefix: 'lab' }, ['ghcr.io', 'lab.test:5000']],
  [
    'port and host',
    { listenerRegistry: 'harbor.corp', host: 'ghcr.box.lan' },
    ['harbor.corp', 'ghcr.io'],
  ],
] as const) {
  test(`${what} that contradict each other are refused by a sentence that names both`, () => {
    for (const found of [
      resolveTarget({ ...NOWHERE, ...asked, name: 'app' }, addressing),
      resolvePlace({ ...NOWHERE, ...asked }, addressing),
    ]) {
      assert.ok('refused' in found)
      assert.equal(found.refused, 'name-unknown')
      for (const registry of named) assert.ok(found.message.includes(registry), found.message)
    }
  })
}

// What names no repository: all registries, or the one that is named.
for (const [address, wanted] of [
  [{}, undefined],
  [{ ns: 'ghcr.io' }, 'ghcr.io'],
  [{ ns: 'evil.test' }, 'name-unknown'],
  [{ prefix: 'hub' }, 'docker.io'],
  [{ prefix: 'evil.test' }, 'name-unknown'],
  [{ host: 'ghcr.box.lan' }, 'ghcr.io'],
  [{ listenerRegistry: 'ghcr.io', ns: 'evil.test' }, 'ghcr.io'],
] as const) {
  test(`without a repository ${JSON.stringify(address)} is ${wanted}`, () => {
    const place = resolvePlace({ ...NOWHERE, ...address }, addressing)
    assert.equal('refused' in place ? place.refused : place.registry, wanted)
  })
}

test('a refusal quotes what was asked for on one bounded line, with what to do', () => {
  const evil = `evil\n${'x'.repeat(500)}`
  for (const address of [{ ns: evil }, { prefix: evil }]) {
    const target = resolveTarget({ ...NOWHERE, ...address, name: 'app' }, addressing)
    assert.ok('refused' in target)
    assert.doesNotMatch(target.message, /\n/)
    assert.ok(target.message.length < 300)
    assert.match(target.message, /--registry NAME=URL/)
  }
})

const component = fc.stringMatching(/^[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/)
const repositoryName = fc
  .array(component, { minLength: 1, maxLength: 9 })
  .map((components) => components.join('/'))
  .filter((name) => {
    const [first = ''] = name.split('/')
    const isAlias = addressing.aliases.has(first) || addressing.pathAliases.has(first)
    return !isAlias && !addressing.registries.has(first)
  })

// Every way to say each registry.
const FORMS: Readonly<Record<string, readonly Partial<Asked>[]>> = {
  'docker.io': [{ host: 'docker.box.lan' }, { prefix: 'hub' }, { ns: 'registry-1.docker.io' }],
  'ghcr.io': [{ host: 'ghcr.box.lan' }, { host: 'ghcr.box.lan:80', ns: 'ghcr.io' }],
  'lab.test:5000': [{ host: 'box.lan:5443' }, { prefix: 'lab' }],
  'registry.k8s.io': [{ host: 'k8s.box.lan' }, { ns: 'k8s.gcr.io' }, { prefix: 'k8s.gcr.io' }],
  'harbor.corp': [{ host: 'harbor.box.lan' }],
}

test('a repository is the same in every form of address', () => {
  const registries = fc.constantFrom(...addressing.registries.keys())
  const property = fc.property(registries, repositoryName, (registry, name) => {
    const isBare = registry === 'docker.io' && !name.includes('/')
    const wanted = `${registry}/${isBare ? 'library/' : ''}${name}`
    const common = [{ ns: registry }, { prefix: registry }, { listenerRegistry: registry }]
    for (const form of [...common, ...(FORMS[registry] ?? [])]) {
      assert.equal(meant({ ...form, name }).replace(' by ns', ''), wanted, JSON.stringify(form))
      const twice = meant({ ...form, name: `${registry}/${name}` }).replace(' by ns', '')
      assert.equal(twice, wanted, `prefixed, ${JSON.stringify(form)}`)
    }
    assert.equal(meant({ name: `${registry}/${name}` }), wanted)
  })
  fc.assert(property, { seed, numRuns: campaign(300) })
})

test('whatever is sent, no registry is reached that is not configured', () => {
  const known = [...addressing.registries.keys(), ...addressing.pathAliases.keys()]
  const hosts = [...known, ...addressing.hosts.keys(), 'evil.test', '10.0.0.1:5000', '__proto__']
  const piece = fc.oneof(fc.constantFrom(...hosts), component, fc.string())
  const maybe = fc.option(piece, { nil: undefined })
  const name = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('/'))
  const listenerRegistry = fc.option(fc.constantFrom('docker.io', 'ghcr.io'), { nil: undefined })
  const asked = fc.record({ name, ns: maybe, host: maybe, prefix: maybe, listenerRegistry })
  const property = fc.property(asked, (each) => {
    const target = resolveTarget(each, addressing)
    if ('refused' in target) return assert.doesNotMatch(target.message, /[\0-\x1f]/)
    assert.ok(addressing.registries.has(target.repository.registry))
  })
  fc.assert(property, { seed, numRuns: campaign(2000) })
})
