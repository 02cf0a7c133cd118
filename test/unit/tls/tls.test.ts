import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyPair } from '../../../src/lib/key-pair.ts'
import { BoxTls } from '../../../src/tls/tls.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'

const authority = issueAuthority('tests', Date.now())
const [before, next] = ['old.test', 'new.test'].map((name) =>
  issueServer(authority, [name], Date.now()),
) as [KeyPair, KeyPair]

// Looks once for another pair than `before`, which `take` is then given.
async function look(find: () => Promise<KeyPair | undefined>, take: (pair: KeyPair) => void) {
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const log = { debug: say, info: say, warn: say, error: say }
  const source = { everyMs: 60_000, first: async () => before, next: find }
  const box = new BoxTls(source, before, log)
  box.watch(take)
  await box.look()
  box.close()
  return { shown: box.facts.names, lines }
}

const fail = (): never => {
  throw new Error('it is broken')
}

test('another certificate is told once it is taken', async () => {
  const taken: KeyPair[] = []
  const { shown, lines } = await look(
    async () => next,
    (pair) => taken.push(pair),
  )
  assert.deepEqual([taken, shown], [[next], ['new.test']])
  assert.deepEqual(lines, ['new connections get the changed certificate (new.test)'])
})

for (const [what, find, take] of [
  ['cannot be read', async () => fail(), () => undefined],
  ['is not taken', async () => next, fail],
] as const) {
  test(`where another certificate ${what} the one in use stays`, async () => {
    const { shown, lines } = await look(find, take)
    assert.deepEqual(shown, ['old.test'])
    assert.deepEqual(lines, ['the certificate in use stays: it is broken'])
  })
}
