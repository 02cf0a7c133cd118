import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/oci/digest.ts'
import { parseTag } from '../../../src/oci/name.ts'
import {
  parseReferrers,
  referrerOf,
  referrersIndex,
  referrersTag,
} from '../../../src/oci/referrers.ts'
import { MEDIA_TYPES } from '../../support/images.ts'

const bytes = Buffer.from('subject')
const entry = { mediaType: MEDIA_TYPES.oci.manifest, digest: digestOf(bytes), size: 7 }

test('the tag that stands in for the API is a tag for every digest', () => {
  const tag = referrersTag(digestOf(bytes))
  assert.equal(tag, digestOf(bytes).replace(':', '-'))
  const long = digestOf(bytes, 'sha512')
  assert.equal(referrersTag(long), `sha512-${long.slice('sha512:'.length).slice(0, 64)}`)
  for (const each of [tag, referrersTag(long)]) assert.equal(parseTag(each), each)
})

test('an index is read with all that its entries say', () => {
  const more = { ...entry, artifactType: 'a/b', annotations: { x: 'y' }, data: 'e30=', 'x.y': [1] }
  assert.deepEqual(parseReferrers(referrersIndex([more, entry])), [more, entry])
})

test('entries that could not be pulled are left out', () => {
  const wrong = [
    null,
    'text',
    { ...entry, digest: 'sha256:short' },
    { ...entry, digest: `blake3:${'0'.repeat(64)}` },
    { ...entry, size: -1 },
    { ...entry, size: '7' },
    { digest: entry.digest, size: 7 },
  ]
  assert.deepEqual(parseReferrers(JSON.stringify({ manifests: [...wrong, entry] })), [entry])
})

for (const [text, found] of [
  ['{"manifests":null}', []],
  ['{"manifests":[]}', []],
  ['{}', undefined],
  ['{"manifests":{}}', undefined],
  ['[]', undefined],
  ['null', undefined],
  ['<!doctype html>', undefined],
  ['{"manifests":[]} and more', undefined],
] as const) {
  test(`${text} is ${found ? 'an empty list' : 'no list'} of referrers`, () => {
    assert.deepEqual(parseReferrers(text), found)
  })
}

const { oci } = MEDIA_TYPES
const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json'

// [what the manifest says, its type, the entry's artifactType]
for (const [json, mediaType, artifactType] of [
  [{ artifactType: 'a/b', config: { mediaType: 'c/d' } }, oci.manifest, 'a/b'],
  [{ config: { mediaType: 'c/d' } }, oci.manifest, 'c/d'],
  [{ artifactType: '', config: { mediaType: 'c/d' } }, oci.manifest, 'c/d'],
  [{ config: { mediaType: 'c/d' } }, oci.index, undefined],
  [{ artifactType: 'a/b', manifests: [] }, oci.index, 'a/b'],
  [{ artifactType: 'a/b', blobs: [] }, ARTIFACT, 'a/b'],
  [{}, oci.manifest, undefined],
] as const) {
  test(`${JSON.stringify(json)} as ${mediaType} is of type ${artifactType}`, () => {
    const manifest = Buffer.from(JSON.stringify({ ...json, annotations: { who: 'me' } }))
    assert.deepEqual(referrerOf({ digest: digestOf(manifest), mediaType, bytes: manifest }), {
      mediaType,
      digest: digestOf(manifest),
      size: manifest.length,
      ...(artifactType !== undefined && { artifactType }),
      annotations: { who: 'me' },
    })
  })
}
