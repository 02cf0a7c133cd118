import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closedRegistries } from '../../../src/config/closed-registries.ts'
import { plainRegistry } from '../../../src/config/config.ts'
import type { PrivatePolicy } from '../../../src/config/config.ts'
import { Secret } from '../../../src/lib/secret.ts'

const SHOWN = { certificate: 'PEM', key: new Secret('PEM') }

const CASES: [PrivatePolicy, typeof SHOWN | undefined, number][] = [
  ['deny', SHOWN, 1],
  [[], SHOWN, 1],
  ['everyone', SHOWN, 0],
  [['team/*'], SHOWN, 0],
  ['deny', undefined, 0],
]

for (const [policy, clientCertificate, count] of CASES) {
  const which = `${JSON.stringify(policy)}, ${clientCertificate ? 'with' : 'without'} a certificate`
  test(`${count} warnings that nobody may read anything: ${which}`, () => {
    const lab = { ...plainRegistry, endpoints: [], clientCertificate, private: policy }
    const warnings = closedRegistries(new Map([['lab', lab]]))
    assert.equal(warnings.length, count)
    for (const warning of warnings) assert.match(warning, /^lab: .*--private lab=everyone/)
  })
}
