import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fullName } from '../../../src/list/full-name.ts'
import { unaliasing } from '../../../src/list/list-rules.ts'
import { naming } from '../../support/naming.ts'

const same = (name: string) => name

suite('a name in full', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['org/app', 'docker.io/org/app'],
    ['Registry-1.Docker.io/org/app', 'docker.io/org/app'],
    ['k8s.gcr.io/pause', 'registry.k8s.io/pause'],
    ['lab/app', 'lab.test:5000/app'],
    ['LAB.test:5000/a/b', 'lab.test:5000/a/b'],
    ['Other.lan:80/a/b', 'other.lan:80/a/b'],
    ['ghcr.io/org/*', 'ghcr.io/org/*'],
    ['docker.io/**', 'docker.io/**'],
    ['K8S.gcr.io/pre-*', 'registry.k8s.io/pre-*'],
  ]
  for (const [typed, full] of cases) {
    test(`${typed} is ${full}, which is in full`, () => {
      assert.equal(fullName(typed, naming(), same), full)
      assert.equal(fullName(full, naming(), same), full)
    })
  }

  test('without the registry that is meant by default', () => {
    assert.equal(fullName('app', naming('quay.io'), same), 'quay.io/app')
    assert.equal(fullName('nginx', naming('docker.io'), same), 'docker.io/library/nginx')
  })

  test('a registry whose name means something else as a first component stays unnamed', () => {
    // `corp` is no host: corp/app is a repository of the default registry, which is called corp.
    const corp = (name: string) => ({ registry: 'corp', name })
    assert.equal(fullName('app', corp, same), 'app')
  })

  test('what the list itself calls a registry stays', () => {
    const rules = [{ host: 'mirror.lan', aliases: ['docker.io', 'k8s.gcr.io'] }]
    const unaliased = unaliasing(rules)
    for (const name of ['nginx', 'docker.io/nginx', 'k8s.gcr.io/pause', 'docker.io/**']) {
      assert.equal(fullName(name, naming(), unaliased), name)
    }
    assert.equal(fullName('K8S.gcr.io/pause', naming(), unaliased), 'k8s.gcr.io/pause')
    assert.equal(fullName('lab/app', naming(), unaliased), 'lab.test:5000/app')
  })
})
