// What the mirror offers to `warm`, on a real store and scripted upstreams, without a run around it.
import './clock.ts'
import { readSync } from 'node:fs'
import { createCredentials } from '../../src/credentials/registry-credentials.ts'
import { Integrity } from '../../src/care/integrity.ts'
import type { Config } from '../../src/config/config.ts'
import { StoreError } from '../../src/errors.ts'
import type { ByteSource } from '../../src/lib/byte-source.ts'
import { logMirrorEvents } from '../../src/mirror/events.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import type { Storing, StoredHow, WarmMirror } from '../../src/mirror/warm-port.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Descriptor } from '../../src/oci/manifest.ts'
import { parseTag } from '../../src/oci/name.ts'
import type { Repository, Tag } from '../../src/oci/name.ts'
import { openStore } from '../../src/store/store.ts'
import type { Store } from '../../src/store/store.ts'
import type { UpstreamLimits } from '../../src/upstream/limits.ts'
import type { Upstreams } from '../../src/upstream/upstream.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import type { Content } from './content.ts'
import { ScriptedRoom } from './scripted-room.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { checkStore } from './store-invariants.ts'
import { TempFolder } from './temp-folder.ts'
import { configOf } from './test-mirror.ts'
import type { ConfigChanges } from './test-mirror.ts'

export const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const READ_BYTES = 64 * 1024
// Waits that a person would notice are made short.
const QUICK = { retryDelayMinMs: 1, retryDelayMaxMs: 5 }

export interface WarmingChanges extends ConfigChanges {
  readonly limits?: Partial<UpstreamLimits>
}

export class WarmingSetting implements AsyncDisposable {
  readonly upstream: ScriptedUpstream
  readonly room = new ScriptedRoom()
  readonly store: Store
  readonly folder: string
  readonly used: Digest[] = []
  recordsManifests = true // where not, as on a disk that is full
  readonly #temp: TempFolder
  #mirror!: Mirror
  #upstreams!: Upstreams

  private constructor(temp: TempFolder, store: Store, upstream: ScriptedUpstream) {
    this.#temp = temp
    this.folder = temp.join('data')
    this.store = store
    this.upstream = upstream
  }

  static async start(changes: WarmingChanges = {}): Promise<WarmingSetting> {
    const temp = new TempFolder('warming')
    const store = await openStore(temp.join('data'), 1)
    const setting = new WarmingSetting(temp, store, await ScriptedUpstream.start())
    setting.#open(changes)
    return setting
  }

  // On the same store, with other options.
  async reopen(changes: WarmingChanges): Promise<void> {
    await this.#shut()
    this.#open(changes)
  }

  get mirror(): Mirror {
    return this.#mirror
  }

  get warm(): WarmMirror {
    return this.#mirror.warming
  }

  // As people type it.
  repository(name: string): Repository {
    const found = this.warm.repository(name)
    if ('refused' in found) throw new Error(found.refused)
    return found
  }

  // To its end, whoever else wants it.
  async storeBlob(
    name: string,
    blob: { readonly digest: string; readonly size: number },
    storing: Partial<Storing> = {},
  ): Promise<StoredHow> {
    const { signal = new AbortController().signal, cap, arrived = () => {} } = storing
    return this.warm.storeBlob(this.repository(name), descriptorOf(blob), { signal, cap, arrived })
  }

  // As a client does: the whole, by what the mirror answers.
  async pull(name: string, digest: string): Promise<Buffer> {
    const answer = await this.mirror.blob(this.repository(name), digestNamed(digest))
    if (!answer) throw new Error(`${digest} is not served`)
    return await readAll(answer.source(undefined))
  }

  // What upstream was asked since the last call, as `GET app/manifests/1 bytes=5-`.
  asked(): string[] {
    const lines = this.upstream.log.all
      .filter(({ url }) => url.startsWith('/v2/'))
      .map(({ method, url, range }) => {
        const path = url.replace('/v2/', '')
        return range === undefined ? `${method} ${path}` : `${method} ${path} ${range}`
      })
    this.upstream.log.clear()
    return lines
  }

  async close(): Promise<void> {
    const contents = new Map<string, Content>(
      [...this.upstream.repositories.values()].flatMap(({ blobs }) => [...blobs]),
    )
    this.upstream.release()
    await this.#shut()
    await this.store.close()
    await this.upstream.close()
    try {
      checkStore(this.folder, contents)
    } finally {
      await this.#temp.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #shut(): Promise<void> {
    await this.#mirror.close()
    await this.#upstreams.close()
  }

  #open({ limits, ...changes }: WarmingChanges): void {
    const { url } = this.upstream
    const registries = { 'docker.io': url, 'ghcr.io': url, ...changes.registries }
    const config = configOf(this.folder, { ...changes, registries })
    const { index, blobs: store, hasher } = this.store
    const { room } = this
    this.#upstreams = upstreamsOf(config, limits)
    this.#mirror = new Mirror({
      ...config,
      index: {
        ...index,
        recordManifest: async (repository, manifest) => {
          if (!this.recordsManifests) throw new StoreError('full', 'no space')
          await index.recordManifest(repository, manifest)
        },
        recordUses: async (uses, tags) => {
          this.used.push(...uses.map(([digest]) => digest))
          await index.recordUses(uses, tags)
        },
      },
      store,
      hasher,
      room,
      integrity: new Integrity({ index, store, hasher, room, damaged: () => {}, now: Date.now }),
      upstreams: this.#upstreams,
      events: logMirrorEvents(SILENT),
      addressing: config,
      now: Date.now,
    })
  }
}

function upstreamsOf(config: Config, limits: Partial<UpstreamLimits> = {}): Upstreams {
  const credentials = createCredentials(config, Date.now)
  return createUpstreams({
    registries: new Map(
      Array.from(config.registries, ([name, registry]) => [
        name,
        { ...registry, credentials: credentials.get(name) },
      ]),
    ),
    limits: { ...QUICK, ...limits },
    offline: config.offline,
    userAgent: 'regmirror/test',
    events: { leftAlone: () => {}, worksAgain: () => {}, loginTrouble: () => {} },
  })
}

export function descriptorOf({
  digest,
  size,
  mediaType = 'application/octet-stream',
}: {
  readonly digest: string
  readonly size: number
  readonly mediaType?: string
}): Descriptor {
  return { digest: digestNamed(digest), sizeBytes: size, mediaType, platform: undefined }
}

export function digestNamed(text: string): Digest {
  const digest = parseDigest(text)
  if (!digest) throw new Error(`${text} is no digest`)
  return digest
}

export function tagNamed(text: string): Tag {
  return parseTag(text) as Tag
}

export async function readAll(source: ByteSource): Promise<Buffer> {
  const chunks: Buffer[] = []
  let position = 0
  try {
    for (;;) {
      const available = source.available(position)
      if (available <= 0) {
        await source.arrived(position)
        if (source.available(position) <= 0) return Buffer.concat(chunks)
        continue
      }
      const chunk = Buffer.alloc(Math.min(available, READ_BYTES))
      const length = readSync(source.fd, chunk, 0, chunk.length, position)
      chunks.push(chunk.subarray(0, length))
      position += length
    }
  } finally {
    source.release()
  }
}
