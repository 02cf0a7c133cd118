import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTarget } from '../../../src/mirror/target.ts'

const addressing = {
  registries: new Map(
    ['docker.io', 'ghcr.io', 'lab.test:5000', 'registry.k8s.io'].map((r) => [r, {}]),
  ),
  aliases: new Map([
    ['registry-1.docker.io', 'docker.io'],
    ['k8s.gcr.io', 'registry.k8s.io'],
  ]),
  pathAliases: new Map([['lab', 'lab.test:5000']]),
  defaultRegistry: 'docker.io',
}

// [name, ns, registry/name or refusal, whether ns decided]
const TARGETS: [string, string | undefined, string, boolean][] = [
  ['app', undefined, 'docker.io/library/app', false],
  ['some/app', undefined, 'docker.io/some/app', false],
  ['app', 'docker.io', 'docker.io/library/app', true],
  ['app', 'REGISTRY-1.docker.io', 'docker.io/library/app', true],
  ['app', 'ghcr.io', 'ghcr.io/app', true],
  ['pause', 'k8s.gcr.io', 'registry.k8s.io/pause', true],
  ['k8s.gcr.io/pause', undefined, 'registry.k8s.io/pause', false],
  ['ghcr.io/some/app', undefined, 'ghcr.io/some/app', false],
  ['ghcr.io/some/app', 'ghcr.io', 'ghcr.io/some/app', false],
  ['ghcr.io/some/app', 'docker.io', 'ghcr.io/some/app', false],
  ['ghcr.io/some/app', 'evil.test', 'ghcr.io/some/app', false],
  ['lab.test:5000/app', undefined, 'lab.test:5000/app', false],
  ['lab/app', undefined, 'lab.test:5000/app', false],
  ['lab', undefined, 'docker.io/library/lab', false],
  ['ghcr.io/ghcr.io/app', undefined, 'ghcr.io/ghcr.io/app', false],
  ['evil.test/app', undefined, 'name-unknown', false],
  ['evil.test/app', 'docker.io', 'docker.io/evil.test/app', true],
  ['my.group/app', 'ghcr.io', 'ghcr.io/my.group/app', true],
  ['app', 'evil.test', 'name-unknown', false],
  ['app', '10.0.0.1', 'name-unknown', false],
  ['localhost/app', undefined, 'name-unknown', false],
  ['lab.test:5001/app', undefined, 'name-unknown', false],
  ['app', 'lab', 'name-unknown', false],
  ['app', '__proto__', 'name-unknown', false],
  ['', undefined, 'name-invalid', false],
  ['App', undefined, 'name-invalid', false],
  ['some//app', undefined, 'name-invalid', false],
  ['ghcr.io/', undefined, 'name-invalid', false],
  ['/app', undefined, 'name-invalid', false],
  ['some/../app', undefined, 'name-invalid', false],
]

for (const [name, ns, wanted, nsUsed] of TARGETS) {
  test(`${JSON.stringify(name)} with ns ${ns} is ${wanted}`, () => {
    const target = resolveTarget({ name, ns }, addressing)
    if ('refused' in target) return assert.equal(target.refused, wanted)
    assert.equal(`${target.repository.registry}/${target.repository.name}`, wanted)
    assert.equal(target.nsUsed, nsUsed)
  })
}

test('a refusal quotes what was asked for on one bounded line', () => {
  const ns = `evil\n${'x'.repeat(500)}`
  const target = resolveTarget({ name: 'app', ns }, addressing)
  assert.ok('refused' in target)
  assert.doesNotMatch(target.message, /\n/)
  assert.ok(target.message.length < 300)
})
