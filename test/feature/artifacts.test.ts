// Whatever a registry can hold is mirrored: the bytes count, not what they are for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EMPTY_CONFIG,
  artifact,
  contentOf,
  described,
  hashed,
  indexOf,
} from '../support/artifacts.ts'
import type { Algorithm } from '../support/artifacts.ts'
import { seededContent } from '../support/content.ts'
import type { Content } from '../support/content.ts'
import { MEDIA_TYPES, buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'

const MIB = 1024 * 1024
const LIST = MEDIA_TYPES.docker.index
const blob = seededContent('artifact', 3000)
const other = seededContent('artifact, other', 2000)
const empty = contentOf(Buffer.alloc(0))
const braces = contentOf(Buffer.from('{}'))
const image = buildImage({ seed: 'artifacts', form: 'oci', architectures: ['arm64'] })

// Config and layers of any type.
function typed(config: string, layer: string, more: object = {}): Image {
  const json = { config: described(config, other), layers: [described(layer, blob)], ...more }
  return artifact(json, { contents: [blob, other] })
}

function bytesOf({ manifests, top }: Image): Buffer {
  const bytes = manifests.get(top.digest)?.bytes
  assert.ok(bytes)
  return bytes
}

// One registry entry that holds all of these, with the first as its top.
function together(top: Image, ...others: readonly Image[]): Image {
  const all = [top, ...others]
  const manifests = new Map(all.flatMap((each) => [...each.manifests]))
  const blobs = new Map(all.flatMap((each) => [...each.blobs]))
  return { ...top, manifests, blobs }
}

function sha512Artifact(): Image {
  const bytes = Buffer.from('content of a sha512 digest')
  const content = contentOf(bytes, 'sha512')
  const json = { config: EMPTY_CONFIG, layers: [described('application/octet-stream', content)] }
  return artifact(json, { algorithm: 'sha512', contents: [content, braces] })
}

const nested = indexOf([indexOf([image.top]).top])

const KINDS: [string, Image][] = [
  [
    'a Helm chart',
    typed(
      'application/vnd.cncf.helm.config.v1+json',
      'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    ),
  ],
  ['a WebAssembly module', typed('application/vnd.wasm.config.v0+json', 'application/wasm')],
  [
    'a Docker plugin',
    artifact(
      {
        config: described('application/vnd.docker.plugin.v1+json', other),
        layers: [described(MEDIA_TYPES.docker.layer, blob)],
      },
      { mediaType: MEDIA_TYPES.docker.manifest, contents: [blob, other] },
    ),
  ],
  [
    'an artifact without a config, whose descriptor carries its data',
    artifact(
      {
        artifactType: 'application/vnd.example+type',
        config: { ...EMPTY_CONFIG, data: 'e30=' },
        layers: [{ ...described('text/plain', empty), data: '' }],
      },
      { contents: [braces, empty] },
    ),
  ],
  [
    'an artifact without layers',
    artifact({ config: EMPTY_CONFIG, layers: [] }, { contents: [braces] }),
  ],
  [
    'an artifact manifest of the type that was dropped from the specification',
    artifact(
      { artifactType: 'application/x', blobs: [described('text/plain', blob)] },
      { mediaType: 'application/vnd.oci.artifact.manifest.v1+json', contents: [blob] },
    ),
  ],
  [
    'a manifest with fields that nobody knows',
    typed('application/x', 'application/y', { 'com.example': { deep: [1, null, 'x'] }, zz: -0.5 }),
  ],
  [
    'a manifest about a subject that is not there',
    typed('application/x', 'application/y', {
      subject: { mediaType: MEDIA_TYPES.oci.manifest, digest: `sha256:${'9'.repeat(64)}`, size: 5 },
    }),
  ],
  [
    'a manifest of almost 4 MB',
    typed('application/x', 'application/y', { annotations: { padding: 'x'.repeat(3.9 * MIB) } }),
  ],
  ['an index of an index', together(nested, indexOf([image.top]), image)],
  ['an empty index', indexOf([], { artifactType: 'application/x' })],
  [
    'a manifest list of an OCI manifest',
    together(artifact({ manifests: [image.top] }, { mediaType: LIST }), image),
  ],
  ['content of sha512 digests', sha512Artifact()],
]

async function assertPulled({ mirror }: Setting, tag: string, kind: Image): Promise<void> {
  for (const [digest, { mediaType, bytes }] of kind.manifests) {
    const isTop = digest === kind.top.digest
    for (const reference of isTop ? [tag, digest] : [digest]) {
      const path = `/v2/app/manifests/${reference}`
      const head = await mirror.head(path)
      const get = await mirror.get(path)
      assert.ok(get.body.equals(bytes))
      for (const { status, headers } of [head, get]) {
        assert.equal(status, 200)
        assert.equal(headers.get('content-type'), mediaType)
        assert.equal(headers.get('content-length'), String(bytes.length))
      }
      // Of a tag it is the one that upstream names, sha512 too.
      assert.equal(get.headers.get('docker-content-digest'), digest)
    }
  }
  for (const [digest, { size }] of kind.blobs) {
    const path = `/v2/app/blobs/${digest}`
    const { status, body, headers } = await mirror.get(path)
    assert.equal(status, 200)
    assert.equal(hashed(body, digest.split(':')[0] as Algorithm), digest)
    assert.equal(headers.get('docker-content-digest'), digest)
    const head = await mirror.head(path)
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(size)])
  }
}

for (const [what, kind] of KINDS) {
  test(`${what} is pulled by tag and by digest, and again with upstream gone`, async () => {
    await using setting = await Setting.start()
    setting.upstream.addImage('library/app', 'v1', kind)
    await assertPulled(setting, 'v1', kind)
    await setting.mirror.published(...kind.blobs.keys())
    await setting.mirror.restart({ offline: true })
    setting.asked()
    await assertPulled(setting, 'v1', kind)
    assert.deepEqual(setting.asked(), [])
  })
}

for (const suffix of ['sig', 'att', 'sbom']) {
  test(`a tag sha256-….${suffix}, as cosign once kept such things, is a tag like any other`, async () => {
    const kind = typed(
      'application/vnd.oci.image.config.v1+json',
      `application/vnd.example.${suffix}`,
    )
    const tag = `${image.top.digest.replace(':', '-')}.${suffix}`
    await using setting = await Setting.start()
    setting.upstream.addImage('library/app', tag, kind)
    await assertPulled(setting, tag, kind)
    const missing = await setting.mirror.get(
      `/v2/app/manifests/${tag.replace('sha256-', 'sha256-0')}`,
    )
    assert.deepEqual([missing.status, errorCode(missing)], [404, 'MANIFEST_UNKNOWN'])
  })
}

test('a sha512 digest whose content is another is not served', async () => {
  const kind = sha512Artifact()
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'v1', kind)
  setting.upstream.script({ path: kind.top.digest, reply: { flip: 5 } })
  const answer = await setting.mirror.get(`/v2/app/manifests/${kind.top.digest}`)
  assert.equal(answer.status, 502)
})

// As Windows base layers were: not to be pushed anywhere, to be had where `urls` says.
function withForeignLayer(url: string, mediaType: string, layer: Content): Image {
  const layers = [
    described(MEDIA_TYPES.oci.layer, blob),
    { ...described(mediaType, layer), urls: [url] },
  ]
  const json = { config: described(MEDIA_TYPES.oci.config, other), layers }
  return artifact(json, { contents: [blob, other] })
}

for (const mediaType of [
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
]) {
  test(`a layer of ${mediaType} is asked of the registry alone`, async () => {
    await using elsewhere = await ScriptedUpstream.start()
    const layer = seededContent('foreign', 5000)
    elsewhere.addBlob('layers', layer)
    const url = `${elsewhere.url}/v2/layers/blobs/${layer.digest}`
    const kind = withForeignLayer(url, mediaType, layer)
    await using setting = await Setting.start()
    const { mirror, upstream } = setting
    upstream.addImage('library/app', 'v1', kind)
    const manifest = await mirror.get('/v2/app/manifests/v1')
    assert.ok(manifest.body.equals(bytesOf(kind)), 'urls and all')
    const path = `/v2/app/blobs/${layer.digest}`
    const missing = await mirror.get(path)
    assert.deepEqual([missing.status, errorCode(missing)], [404, 'BLOB_UNKNOWN'])
    // Other registries do have it.
    upstream.addImage('org/app', 'v1', kind)
    upstream.addBlob('org/app', layer)
    const had = await mirror.get(`/v2/org/app/blobs/${layer.digest}`)
    assert.equal(hashed(had.body, 'sha256'), layer.digest)
    assert.equal(elsewhere.connections, 0)
  })
}
