// Content that one repository's login brought, asked for in another: what somebody pushes elsewhere
// must not open it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesContent, heldContent, seededContent, sha256 } from '../support/content.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { stagedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'
import { PRIVATE, PUBLIC, asked, layerOf, registries, withLogin } from './visibility-setting.ts'

const MIB = 2 ** 20
const SECRET = heldContent(seededContent('a private blob', 12 * MIB))
const ALLOWED = [PRIVATE.name, 'team/second']
const PUSHED = 'mallory/app'

// Everybody may read two private repositories, and somebody has a public one.
async function start(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await withLogin(ALLOWED, changes)
  setting.upstream.needLogin.add('team/second').add('team/third')
  return setting
}

// Pushes to a public repository what names the content of another; registries often take that.
function pushNaming({ upstream }: Setting, image: Image, blob = layerOf(image)): void {
  const manifest = jsonOf(MEDIA_TYPES.oci.manifest, {
    config: describe(MEDIA_TYPES.oci.config, blob, 9),
    layers: [describe(MEDIA_TYPES.oci.layer, blob, 9)],
  })
  const platform = { os: 'linux', architecture: 'arm64' }
  const index = jsonOf(MEDIA_TYPES.oci.index, {
    manifests: [{ ...image.top, platform }],
  })
  const manifests = new Map([
    [index.digest, index],
    [manifest.digest, manifest],
  ])
  const top = { ...index, size: index.bytes.length }
  upstream.addImage(PUSHED, 'index', { top, manifests, platforms: [], blobs: new Map() })
  upstream.tag(PUSHED, 'manifest', manifest.digest)
}

function jsonOf(mediaType: string, value: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }))
  return { mediaType, bytes, digest: sha256(bytes) }
}

function describe(mediaType: string, digest: string, size: number): object {
  return { mediaType, digest, size }
}

async function pullAll({ mirror }: Setting): Promise<void> {
  for (const path of [PRIVATE.manifest, PRIVATE.blob]) {
    assert.equal((await mirror.get(path)).status, 200)
  }
  await mirror.published(layerOf(PRIVATE.image))
}

function elsewhere(path: string, name: string, registry = 'ghcr.io'): string {
  return path.replace(`ghcr.io/${PRIVATE.name}`, `${registry}/${name}`)
}

test('what a login brought is not given out through any other repository or registry', async () => {
  await using setting = await start()
  const { mirror, upstream } = setting
  await pullAll(setting)
  for (const path of [PRIVATE.byDigest, PRIVATE.blob]) {
    for (const name of [PUBLIC.name, 'team/second', 'team/third']) {
      for (const method of ['GET', 'HEAD']) {
        assert.equal((await mirror.ask(method, elsewhere(path, name))).status, 404, name)
      }
    }
    const other = elsewhere(path, PRIVATE.name, 'lab.test:5000')
    assert.equal((await mirror.get(other)).status, 404, 'the same registry without a login')
  }
  asked(setting)
  upstream.addImage('team/second', '1', PRIVATE.image)
  await mirror.restart()
  assert.equal((await mirror.get(elsewhere(PRIVATE.blob, 'team/second'))).status, 200)
  assert.equal((await mirror.get(elsewhere(PRIVATE.byDigest, 'team/second'))).status, 200)
  assert.deepEqual(asked(setting), [
    `GET team/second/blobs/${layerOf(PRIVATE.image)} bytes=0-0`,
    `HEAD team/second/manifests/${PRIVATE.image.top.digest}`,
  ])
})

test('whether a public repository has what a login brought elsewhere is asked without that login', async () => {
  await using setting = await start()
  const { mirror, upstream } = setting
  await pullAll(setting)
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  upstream.addImage(PUBLIC.name, 'copy', PRIVATE.image)
  // Known as public for a day to come.
  upstream.needLogin.add(PUBLIC.name)
  const copies = [PRIVATE.byDigest, PRIVATE.blob].map((path) => elsewhere(path, PUBLIC.name))
  for (const path of copies) {
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await mirror.ask(method, path)).status, 404, `${method} ${path}`)
    }
  }
  upstream.needLogin.delete(PUBLIC.name)
  for (const path of copies) assert.equal((await mirror.get(path)).status, 200, path)
})

for (const order of ['before', 'after'] as const) {
  test(`a pushed index or manifest that names private content opens nothing: pulled ${order} it`, async () => {
    await using setting = await start()
    const { mirror } = setting
    pushNaming(setting, PRIVATE.image)
    const pullPushed = async (): Promise<void> => {
      for (const tag of ['index', 'manifest']) {
        assert.equal((await mirror.get(`/v2/ghcr.io/${PUSHED}/manifests/${tag}`)).status, 200)
      }
    }
    if (order === 'before') await pullPushed()
    await pullAll(setting)
    // What the policy opens to everyone may be had anywhere.
    await mirror.restart({ registries: registries(setting, 'deny') })
    await pullPushed()
    const manifest = elsewhere(PRIVATE.byDigest, PUSHED)
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await mirror.ask(method, manifest)).status, 404, `${method} of the manifest`)
    }
    const answer = await mirror.get(elsewhere(PRIVATE.blob, PUSHED))
    assert.equal(answer.status, 404)
    // Only the size that its own manifest tells, as for anything that was never looked at.
    const head = await mirror.head(elsewhere(PRIVATE.blob, PUSHED))
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, '9'])
    const config = PRIVATE.image.platforms[0]?.config.digest ?? ''
    const inner = elsewhere(PRIVATE.blob, PUSHED).replace(layerOf(PRIVATE.image), config)
    assert.equal((await mirror.head(inner)).status, 404, 'named by the private manifest only')
    await mirror.restart({ offline: true })
    for (const path of [PRIVATE.byDigest, PRIVATE.blob]) {
      assert.equal((await mirror.get(elsewhere(path, PUSHED))).status, 404, 'offline')
    }
  })
}

// Part of the blob comes, and upstream holds back the rest.
async function underWay(): Promise<{ setting: Setting; leave: () => Promise<void> }> {
  const setting = await start({ abandoned: 'park' })
  const { mirror, upstream } = setting
  upstream.addBlob(PRIVATE.name, SECRET)
  pushNaming(setting, PRIVATE.image, SECRET.digest)
  assert.equal((await mirror.get(`/v2/ghcr.io/${PUSHED}/manifests/manifest`)).status, 200)
  upstream.script({
    method: 'GET',
    path: '/blobs/',
    times: 1,
    reply: { stall: { after: 2 * MIB } },
  })
  const reader = await mirror.open(blobOf(PRIVATE.name))
  while (reader.received < MIB) await reader.read()
  const leave = async (): Promise<void> => {
    reader.leave()
    await reader[Symbol.asyncDispose]()
  }
  return { setting, leave }
}

function blobOf(name: string): string {
  return `/v2/ghcr.io/${name}/blobs/${SECRET.digest}`
}

test('a download that needs a login is joined by nobody who only names it', async () => {
  const { setting, leave } = await underWay()
  await using _ = setting
  const answer: Answer = await setting.mirror.get(blobOf(PUSHED))
  assert.equal(answer.status, 404)
  await leave()
})

test('the parked half of a download that needs a login is served to nobody who only names it', async () => {
  const { setting, leave } = await underWay()
  await using _ = setting
  const { mirror, upstream } = setting
  await leave()
  await mirror.logged(/ parked$/)
  for (const restarts of [false, true]) {
    if (restarts) await mirror.restart()
    assert.equal((await mirror.get(blobOf(PUSHED))).status, 404)
    assert.equal(stagedNames(mirror.folder).length, 2, 'what is kept is still there')
  }
  upstream.release()
  const rest = await mirror.get(blobOf(PRIVATE.name))
  assert.ok(rest.body.equals(SECRET.bytes))
})

test('public repositories that name one blob share its download and ask no more than that', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  const names = ['library/one', 'library/two']
  const [layer, config] = [SECRET, bytesContent(Buffer.from('{}'))]
  for (const name of names) {
    const manifest = jsonOf(MEDIA_TYPES.oci.manifest, {
      config: describe(MEDIA_TYPES.oci.config, config.digest, config.size),
      layers: [describe(MEDIA_TYPES.oci.layer, layer.digest, layer.size)],
      annotations: { name },
    })
    const blobs = new Map([layer, config].map((blob) => [blob.digest, blob]))
    const top = { ...manifest, size: manifest.bytes.length }
    const manifests = new Map([[manifest.digest, manifest]])
    upstream.addImage(name, '1', { top, manifests, blobs, platforms: [] })
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200)
  }
  asked(setting)
  upstream.script({ method: 'GET', times: 1, reply: { holdHeaders: true } })
  const pulls = names.map((name) => mirror.get(`/v2/${name}/blobs/${layer.digest}`))
  await setting.upstreamAsked(1)
  upstream.release()
  for (const { body } of await Promise.all(pulls)) assert.ok(body.equals(SECRET.bytes))
  const lines = asked(setting)
  assert.equal(lines.length, 1, lines.join('\n'))
})
