import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../../../src/errors.ts'
import { forgivingIndex } from '../../../src/mirror/forgiving-index.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { Repository } from '../../../src/oci/name.ts'
import type { Index } from '../../../src/store/index-port.ts'
import { sha256 } from '../../support/content.ts'

const digest = parseDigest(sha256('x')) as Digest
const repository = { registry: 'docker.io', name: 'library/app' } as unknown as Repository
const full = new StoreError('full', 'no space left')

function forgiving(parts: Partial<Index>) {
  const told: string[] = []
  const clock = { now: 0 }
  const trouble = {
    indexFailed: (what: string, error: StoreError) => told.push(`${what}: ${error.message}`),
    indexWorks: (what: string) => told.push(`${what} works`),
  }
  return { index: forgivingIndex(parts as Index, trouble, () => clock.now), told, clock }
}

test('what cannot be read is not known, and a repository private until upstream says otherwise', async () => {
  const fails = (): Promise<never> => Promise.reject(full)
  const { index } = forgiving({
    findTag: fails,
    findContent: fails,
    findVisibility: fails,
    isOpen: fails,
    seenIn: fails,
    findManifest: fails,
    findBlob: fails,
    heldRepositories: fails,
  })
  assert.equal(await index.findTag(repository, 'latest' as never), undefined)
  assert.equal(await index.findContent(repository, digest), undefined)
  assert.deepEqual(await index.findVisibility(repository), { isPublic: false, checkedAt: 0 })
  assert.equal(await index.isOpen(digest), false)
  assert.deepEqual(await index.seenIn(digest), [])
  assert.equal(await index.findManifest(digest), undefined)
  assert.equal(await index.findBlob(digest), undefined)
  assert.deepEqual(await index.heldRepositories('docker.io', '', 10), [])
})

test('that something could not be read is not remembered', async () => {
  let fails = true
  const row = { sizeBytes: 5, stamp: undefined }
  const findBlob = () => (fails ? Promise.reject(full) : Promise.resolve(row))
  const { index } = forgiving({ findBlob })
  assert.equal(await index.findBlob(digest), undefined)
  fails = false
  assert.deepEqual(await index.findBlob(digest), row)
})

test('lists of referrers are not forgiven: one that lacks a signature would be taken for the truth', async () => {
  const fails = (): Promise<never> => Promise.reject(full)
  const { index } = forgiving({ findReferrers: fails, knownReferrers: fails })
  await assert.rejects(index.findReferrers(repository, digest), full)
  await assert.rejects(index.knownReferrers(repository, digest), full)
})

test('mistakes of the program are not forgiven', async () => {
  const mistake = new TypeError('undefined is not a function')
  const { index } = forgiving({ findBlob: () => Promise.reject(mistake) })
  await assert.rejects(index.findBlob(digest), mistake)
})

test('a trouble is told once while it lasts, and once when it is over, apart for reads and writes', async () => {
  let fails = true
  const call = () => (fails ? Promise.reject(full) : Promise.resolve(undefined))
  const { index, told, clock } = forgiving({
    findBlob: call,
    forgetBlob: call,
    findTag: () => Promise.resolve(undefined),
  })
  for (let n = 0; n < 3; n += 1) {
    await index.forgetBlob(digest)
    await index.findBlob(digest)
    // Another call that works does not end it so soon.
    await index.findTag(repository, 'latest' as never)
  }
  assert.deepEqual(told, ['writing: no space left', 'reading: no space left'])
  fails = false
  clock.now = 61_000
  await index.findBlob(digest)
  await index.findBlob(digest)
  assert.deepEqual(told.slice(2), ['reading works'])
  await index.forgetBlob(digest)
  assert.deepEqual(told.slice(3), ['writing works'])
  fails = true
  await index.forgetBlob(digest)
  assert.deepEqual(told.slice(4), ['writing: no space left'])
})
