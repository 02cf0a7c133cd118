// A mirror of which only the ports to the disk are not its own: they refuse what a full disk would.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { plainRegistry } from '../../src/config/config.ts'
import { StoreError } from '../../src/errors.ts'
import { registryApp } from '../../src/http/app.ts'
import { PullLog } from '../../src/http/pull-log.ts'
import type { Logger } from '../../src/lib/log.ts'
import { logMirrorEvents } from '../../src/mirror/events.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { listen } from '../../src/runtime/listener.ts'
import type { BlobStore } from '../../src/store/blob-store.ts'
import type { Index } from '../../src/store/index-port.ts'
import { openStore } from '../../src/store/store.ts'
import { logUpstreamEvents } from '../../src/upstream/events.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { checkStore } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { errorCode } from '../support/test-mirror.ts'
import type { Answer } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'full disk', form: 'oci', architectures: ['amd64'] })
const other = buildImage({ seed: 'full disk too', form: 'oci', architectures: ['arm64'] })
const blob = heldContent(seededContent('full disk', 2 ** 20))
const HELD = '/v2/app/manifests/latest'

const WRITES = [
  'moveTag',
  'forgetTag',
  'recordContent',
  'recordManifest',
  'publishBlob',
  'forgetBlob',
  'recordUses',
] as const satisfies readonly (keyof Index)[]

interface Disk {
  isFull: boolean
}

const full = () => new StoreError('full', 'cannot write: no space left on device')

function onDisk(disk: Disk, index: Index): Index {
  const refusing = { ...index }
  for (const name of WRITES) {
    const write = index[name] as (...values: unknown[]) => Promise<void>
    refusing[name] = (...values: unknown[]) =>
      disk.isFull ? Promise.reject(full()) : write(...values)
  }
  return refusing
}

function blobsOn(disk: Disk, blobs: BlobStore): BlobStore {
  return {
    open: (digest) => blobs.open(digest),
    quarantine: (digest) => blobs.quarantine(digest),
    async stage(digest) {
      const staged = await blobs.stage(digest)
      const write = staged.write.bind(staged)
      staged.write = (position, chunks) =>
        disk.isFull ? Promise.reject(full()) : write(position, chunks)
      return staged
    },
  }
}

interface Setting {
  readonly upstream: ScriptedUpstream
  readonly disk: Disk
  readonly errors: string[]
  get(path: string): Promise<Answer>
}

async function start(t: TestContext): Promise<Setting> {
  const temp = new TempFolder('full')
  const folder = temp.join('data')
  const disk = { isFull: false }
  const errors: string[] = []
  const ignore = (): void => undefined
  const log: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message) => errors.push(message),
  }
  const upstream = await ScriptedUpstream.start()
  const registries = new Map([
    ['docker.io', { ...plainRegistry, endpoints: [new URL(upstream.url)], credentials: undefined }],
  ])
  const upstreams = createUpstreams({
    registries,
    offline: false,
    userAgent: 'regmirror/test',
    events: logUpstreamEvents(log),
  })
  const store = await openStore(folder, 1)
  const mirror = new Mirror({
    index: onDisk(disk, store.index),
    store: blobsOn(disk, store.blobs),
    hasher: store.hasher,
    upstreams,
    events: logMirrorEvents(log),
    registries,
    addressing: {
      registries,
      aliases: new Map(),
      pathAliases: new Map(),
      hosts: new Map(),
      defaultRegistry: 'docker.io',
    },
    tagTtl: { movingMs: 0, exactMs: 0, patterns: [] },
    staleAfterMs: 30_000,
    catalog: true,
    offline: false,
    abandoned: 'auto',
    now: Date.now,
  })
  const pulls = new PullLog(log, Date.now)
  const app = registryApp({ mirror, pulls, log, version: 'test', authority: undefined })
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    registry: undefined,
    tls: undefined,
    clientIdleTimeoutMs: 30_000,
    fetch: (request, exchange) => app.fetch(request, { exchange }),
  })
  t.after(async () => {
    await listener.stop()
    await mirror.close()
    await upstreams.close()
    await store.close()
    await upstream.close()
    checkStore(folder, new Map([[blob.digest, blob]]))
    await temp.close()
  })
  return {
    upstream,
    disk,
    errors,
    async get(path) {
      await using response = await rawRequest(`http://127.0.0.1:${listener.address.port}${path}`)
      const body = await response.body()
      const { status, headers, ending } = response
      return { status, headers, body, ending }
    },
  }
}

test('a tag that is held is still answered on a full disk, and what upstream has new is too', async (t) => {
  const { upstream, disk, errors, get } = await start(t)
  upstream.addImage('library/app', 'latest', image)
  assert.equal((await get(HELD)).status, 200)
  disk.isFull = true
  for (const _ of [1, 2]) {
    const answer = await get(HELD)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
  }
  upstream.addImage('library/app', 'latest', other)
  const moved = await get(HELD)
  assert.equal(moved.status, 200)
  assert.equal(moved.headers.get('docker-content-digest'), other.top.digest)
  assert.ok(errors.some((line) => line.includes('no space left')))
})

test('an image that was never seen has its manifest served on a full disk', async (t) => {
  const { upstream, disk, get } = await start(t)
  upstream.addImage('library/app', 'latest', image)
  disk.isFull = true
  for (const path of [HELD, `/v2/app/manifests/${image.top.digest}`]) {
    const { status, body } = await get(path)
    assert.equal(status, 200)
    assert.ok(body.equals(image.manifests.get(image.top.digest)?.bytes ?? Buffer.alloc(0)))
  }
})

test('a cold blob on a full disk is broken off once, and then refused before it begins', async (t) => {
  const { upstream, disk, get } = await start(t)
  const path = `/v2/app/blobs/${upstream.addBlob('library/app', blob)}`
  disk.isFull = true
  const first = await get(path)
  assert.notEqual(first.ending === 'complete' && first.status === 200, true)
  upstream.log.clear()
  const second = await get(path)
  assert.deepEqual([second.status, errorCode(second)], [503, 'UNAVAILABLE'])
  assert.ok(Number(second.headers.get('retry-after')) > 0)
  assert.deepEqual(upstream.log.all, [])
})

test('a stored blob is served from a full disk', async (t) => {
  const { upstream, disk, get } = await start(t)
  const path = `/v2/app/blobs/${upstream.addBlob('library/app', blob)}`
  assert.equal((await get(path)).status, 200)
  disk.isFull = true
  const { status, body } = await get(path)
  assert.equal(status, 200)
  assert.ok(body.equals(blob.bytes))
})
