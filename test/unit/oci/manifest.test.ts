import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeManifest } from '../../../src/oci/manifest.ts'
import * as types from '../../../src/oci/media-type.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`
const config = { mediaType: 'config', digest: DIGEST, size: 5 }
const layer = { mediaType: 'layer', digest: OTHER, size: 7 }
const image = { schemaVersion: 2, config, layers: [layer] }
const index = { schemaVersion: 2, manifests: [config] }
const artifact = { blobs: [layer] }

function describe(json: unknown, contentType?: string) {
  return describeManifest(Buffer.from(JSON.stringify(json)), contentType)
}

// [what, body, Content-Type, media type]
const TYPES: [string, object, string | undefined, string][] = [
  [
    'the body says it',
    { ...image, mediaType: types.DOCKER_MANIFEST },
    undefined,
    types.DOCKER_MANIFEST,
  ],
  ['the header says it', image, types.DOCKER_MANIFEST, types.DOCKER_MANIFEST],
  ['both agree', { ...index, mediaType: types.OCI_INDEX }, types.OCI_INDEX, types.OCI_INDEX],
  ['a charset falls away', image, `${types.OCI_MANIFEST}; charset=utf-8`, types.OCI_MANIFEST],
  ['upper case in the header', image, types.OCI_MANIFEST.toUpperCase(), types.OCI_MANIFEST],
  ['text/plain over an index', index, 'text/plain', types.OCI_INDEX],
  ['application/json over an image', image, 'application/json', types.OCI_MANIFEST],
  ['octet-stream', image, 'application/octet-stream', types.OCI_MANIFEST],
  ['no header, an index', index, undefined, types.OCI_INDEX],
  ['no header, an image', image, undefined, types.OCI_MANIFEST],
  ['no header, an artifact', artifact, undefined, types.OCI_ARTIFACT],
  ['an unknown type in the body', { ...image, mediaType: 'x/y' }, undefined, types.OCI_MANIFEST],
]

for (const [what, body, contentType, mediaType] of TYPES) {
  test(`media type: ${what}`, () => assert.equal(describe(body, contentType).mediaType, mediaType))
}

for (const [what, bytes] of [
  ['HTML', '<html>'],
  ['nothing', ''],
  ['a list', '[]'],
  ['null', 'null'],
  ['a string', '"x"'],
  ['an error body', '{"errors":[{"code":"UNKNOWN"}]}'],
  ['an empty object', '{}'],
] as const) {
  test(`${what} is no manifest`, () => {
    assert.throws(() => describeManifest(Buffer.from(bytes), undefined), { kind: 'manifest' })
  })
}

test('a header that contradicts the body is refused', () => {
  const body = { ...image, mediaType: types.OCI_MANIFEST }
  assert.throws(() => describe(body, types.DOCKER_MANIFEST), { kind: 'manifest' })
})

for (const [json, contentType] of [
  [{ schemaVersion: 1, fsLayers: [] }, undefined],
  [{ schemaVersion: 1 }, types.DOCKER_SCHEMA1_SIGNED],
  [image, types.DOCKER_SCHEMA1],
] as const) {
  test(`schema 1 is refused: ${JSON.stringify(json)} as ${contentType}`, () => {
    assert.throws(() => describe(json, contentType), { code: 'MANIFEST_UNKNOWN' })
  })
}

test('an image names its config and layers as blobs', () => {
  const { blobs, children } = describe(image)
  assert.deepEqual(children, [])
  assert.deepEqual(
    blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]),
    [
      [DIGEST, 5],
      [OTHER, 7],
    ],
  )
})

test('an index names its children and their platforms', () => {
  const child = { ...config, mediaType: types.OCI_MANIFEST }
  const { mediaType: _, ...untyped } = config
  const manifests = [
    { ...child, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { ...untyped, platform: { os: 'linux', architecture: 'amd64' } },
    child,
    { ...child, platform: { os: 'linux' } },
  ]
  const platforms = describe({ manifests }).children.map(({ platform }) => platform)
  assert.deepEqual(platforms, ['linux/arm64/v8', 'linux/amd64', undefined, undefined])
})

test('what an index lists that is no manifest is a blob: build caches list layers', () => {
  const { children, blobs } = describe({ manifests: [layer, config] })
  assert.deepEqual(children, [])
  assert.deepEqual(
    blobs.map(({ digest }) => digest),
    [OTHER, DIGEST],
  )
})

test('descriptors that cannot be verified are left out, the others stay', () => {
  const bad = [
    null,
    'x',
    {},
    { ...layer, digest: 'md5:1' },
    { ...layer, digest: 5 },
    { ...layer, size: -1 },
    { ...layer, size: 1.5 },
    { ...layer, size: '7' },
    { digest: OTHER },
  ]
  assert.equal(describe({ config, layers: [...bad, layer] }).blobs.length, 2)
})

test('a subject and an artifact type are noticed', () => {
  const described = describe({ ...image, subject: layer, artifactType: 'application/x' })
  assert.equal(described.subject, OTHER)
  assert.equal(described.artifactType, 'application/x')
  assert.equal(describe(image).subject, undefined)
})
