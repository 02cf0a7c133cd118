// A whole mirror in this process of which only the ports to the disk and to its room are not its own:
// they fail as a test says. Its store is checked and removed at the end.
import './clock.ts'
import type { TestContext } from 'node:test'
import { logCareEvents } from '../../src/care/events.ts'
import { Integrity } from '../../src/care/integrity.ts'
import { plainRegistry } from '../../src/config/config.ts'
import { StoreError } from '../../src/errors.ts'
import { registryApp } from '../../src/http/app.ts'
import { PullLog } from '../../src/http/pull-log.ts'
import type { Logger } from '../../src/lib/log.ts'
import { logMirrorEvents } from '../../src/mirror/events.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { listen } from '../../src/runtime/listener.ts'
import type { BlobStore, StagedBlob } from '../../src/store/blob-store.ts'
import type { Index } from '../../src/store/index-port.ts'
import { openStore } from '../../src/store/store.ts'
import { logUpstreamEvents } from '../../src/upstream/events.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import type { Content } from './content.ts'
import { rawRequest } from './raw-http.ts'
import type { RawResponse } from './raw-http.ts'
import { ScriptedRoom } from './scripted-room.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { checkStore } from './store-invariants.ts'
import { TempFolder } from './temp-folder.ts'
import type { Answer } from './test-mirror.ts'
import { waitUntil } from './wait-until.ts'

// Nobody has it: reading from it fails, and so does no more than that.
const BAD_FD = 1_000_000

export class Disk {
  // What is written from this offset of a file on is refused.
  fullFrom = Infinity
  refusesToStage = false
  refusesToPublish = false
  // What is in a file by now cannot be read back.
  isUnreadable = false
  // Names of methods of the index.
  readonly failsAt = new Set<string>()

  get isFull(): boolean {
    return this.fullFrom === 0
  }

  // Nothing can be written, neither files nor the index.
  set isFull(isFull: boolean) {
    this.fullFrom = isFull ? 0 : Infinity
    for (const name of WRITES) {
      if (isFull) this.failsAt.add(name)
      else this.failsAt.delete(name)
    }
  }
}

export const WRITES = [
  'moveTag',
  'forgetTag',
  'recordContent',
  'recordVisibility',
  'recordManifest',
  'recordTagList',
  'recordReferrers',
  'publishBlob',
  'forgetBlob',
  'recordUses',
] as const satisfies readonly (keyof Index)[]

export const READS = [
  'findTag',
  'findContent',
  'isOpen',
  'seenIn',
  'findVisibility',
  'findManifest',
  'knownTags',
  'findTagList',
  'findBlob',
  'wholePlatforms',
  'heldRepositories',
] as const satisfies readonly (keyof Index)[]

const full = (): StoreError => new StoreError('full', 'cannot write: no space left on device')
const broken = (): StoreError => new StoreError('io', 'cannot read: input/output error')

function indexOn(disk: Disk, index: Index): Index {
  const failing = { ...index }
  for (const name of Object.keys(index) as (keyof Index)[]) {
    const call = index[name] as (...values: unknown[]) => Promise<unknown>
    const isWrite = (WRITES as readonly string[]).includes(name)
    Object.assign(failing, {
      [name]: (...values: unknown[]) =>
        disk.failsAt.has(name) ? Promise.reject(isWrite ? full() : broken()) : call(...values),
    })
  }
  return failing
}

function blobsOn(disk: Disk, blobs: BlobStore): BlobStore {
  return {
    ...blobs,
    async open(digest) {
      const stored = await blobs.open(digest)
      return stored && disk.isUnreadable ? { ...stored, fd: BAD_FD } : stored
    },
    async stage(digest) {
      if (disk.refusesToStage) throw full()
      return stagedOn(disk, await blobs.stage(digest))
    },
  }
}

function stagedOn(disk: Disk, staged: StagedBlob): StagedBlob {
  const write = staged.write.bind(staged)
  const publish = staged.publish.bind(staged)
  const { fd } = staged
  Object.defineProperty(staged, 'fd', { get: () => (disk.isUnreadable ? BAD_FD : fd) })
  staged.write = async (position, chunks) => {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    if (position + bytes > disk.fullFrom) throw full()
    await write(position, chunks)
  }
  staged.publish = (totalBytes) =>
    disk.refusesToPublish ? Promise.reject(full()) : publish(totalBytes)
  return staged
}

export interface DiskSetting {
  readonly folder: string
  readonly upstream: ScriptedUpstream
  readonly disk: Disk
  readonly room: ScriptedRoom
  // `error: the disk is full`
  readonly lines: string[]
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<RawResponse>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  // Resolves once a line of log matches.
  logged(pattern: RegExp, count?: number): Promise<void>
  // What upstream was asked for by GET since the last call: the range, or `whole`.
  asked(path: string): string[]
}

// `contents`: what staged bytes are compared with at the end.
export async function startOnFailingDisk(
  t: TestContext,
  contents: readonly Content[] = [],
): Promise<DiskSetting> {
  const temp = new TempFolder('disk')
  const folder = temp.join('data')
  const disk = new Disk()
  const room = new ScriptedRoom()
  const lines: string[] = []
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`)
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
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
  const index = indexOn(disk, store.index)
  const blobs = blobsOn(disk, store.blobs)
  const { hasher } = store
  const { damaged } = logCareEvents(log)
  const mirror = new Mirror({
    index,
    store: blobs,
    hasher,
    room,
    integrity: new Integrity({ index, store: blobs, hasher, room, damaged, now: Date.now }),
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
    sendfile: undefined,
    fetch: (request, exchange) => app.fetch(request, { exchange }),
  })
  t.after(async () => {
    upstream.release()
    await listener.stop()
    await mirror.close()
    await upstreams.close()
    await store.close()
    pulls.flush()
    await upstream.close()
    checkStore(folder, new Map(contents.map((content) => [content.digest, content])))
    await temp.close()
  })
  const open = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    rawRequest(`http://127.0.0.1:${listener.address.port}${path}`, { headers })
  return {
    folder,
    upstream,
    disk,
    room,
    lines,
    open,
    async get(path, headers) {
      await using response = await open(path, headers)
      const body = await response.body()
      return { status: response.status, headers: response.headers, body, ending: response.ending }
    },
    async logged(pattern, count = 1) {
      const isThere = () => lines.filter((line) => pattern.test(line)).length >= count
      await waitUntil(isThere, { what: String(pattern), everyMs: 1 })
    },
    asked(path) {
      const found = upstream.log.find({ method: 'GET', path }).map(({ range }) => range ?? 'whole')
      upstream.log.clear()
      return found
    },
  }
}
