// A mirror that gives answers again, and asks itself each time what it would have answered otherwise.
import assert from 'node:assert/strict'
import { Integrity } from '../../src/care/integrity.ts'
import { UpstreamError } from '../../src/errors.ts'
import { registryApp } from '../../src/http/app.ts'
import { PullLog } from '../../src/http/pull-log.ts'
import { RememberedAnswers } from '../../src/http/remembered-answers.ts'
import type { Exchange, ReadyResponse } from '../../src/lib/exchange.ts'
import type { Logger } from '../../src/lib/log.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import type { Reference, Repository, RepositoryName, Tag } from '../../src/oci/name.ts'
import type { Index } from '../../src/store/index-port.ts'
import type { Store } from '../../src/store/store.ts'
import type { Asking, UpstreamRegistry } from '../../src/upstream/upstream.ts'
import { buildImage } from './images.ts'
import { ScriptedRoom } from './scripted-room.ts'

export type TagName = 'latest' | '1.2.3'

export interface Asked {
  readonly repository: number
  // A tag, or an image by its digest.
  readonly reference: TagName | number
  readonly method: 'GET' | 'HEAD'
  readonly form: 'plain' | 'host' | 'ns' | 'listener' | 'prefix' | 'encoded'
  readonly condition: 'none' | 'matching' | 'other'
}

export type Change =
  // What upstream has.
  | { what: 'moved'; repository: number; tag: TagName; to: number | undefined }
  | { what: 'door'; repository: number; isPublic: boolean }
  | { what: 'upstream'; isUp: boolean }
  // What the operator says.
  | { what: 'blocked'; names: readonly string[] }
  | { what: 'login'; isThere: boolean }
  | { what: 'restarted'; isOffline: boolean }
  // What happens to the store.
  | { what: 'looked'; repository: number; isPublic: boolean }
  | { what: 'removed'; repository: number; reference: TagName | number }
  | { what: 'evicted' }
  | { what: 'clock'; byMs: number }

const NOON = Date.UTC(2026, 10, 22, 12)
const MOVING_MS = 1000
const EXACT_MS = 10_000
const BOX = 'hub.box.test'
// More than a check in the background takes of them.
const ROUND_TRIPS = 8

const IMAGES = ['first', 'second'].map((name) => {
  const { top, manifests } = buildImage({ seed: name, form: 'oci', architectures: ['amd64'] })
  const bytes = manifests.get(top.digest)?.bytes
  assert.ok(bytes)
  return { digest: top.digest as Digest, mediaType: top.mediaType, sizeBytes: bytes.length, bytes }
})

export class RememberingMirror {
  readonly #store: Store
  // What is meant where nothing else is said, and another with the same in it.
  readonly #registry: string
  readonly #other: string
  readonly #tags = [0, 1].map(
    () =>
      new Map<Tag, number>([
        [tagOf('latest'), 0],
        [tagOf('1.2.3'), 1],
      ]),
  )
  readonly #isPublic = [true, true]
  #isUp = true
  #hasLogin = false
  #now = NOON
  #blocked: readonly string[] = []
  // What was found of a manifest is held back until then.
  #changed = Promise.resolve()
  // What upstream was asked.
  #asked: string[] = []
  // What was noted, counted and logged.
  #told: unknown[] = []
  #running: Running
  givenAgain = 0

  constructor(store: Store, registry: string) {
    this.#store = store
    this.#registry = registry
    this.#other = `other.${registry}`
    this.#running = this.#start(false)
  }

  async close(): Promise<void> {
    await this.#running.mirror.close()
  }

  async ask(asked: Asked): Promise<void> {
    const { remembered, mirror, app, anew } = this.#running
    const exchange = this.#exchange(asked)
    const toldOf = async (): Promise<unknown[]> => {
      await mirror.flushed()
      return this.#told.splice(0)
    }
    await toldOf()
    const again = remembered.recall(exchange)
    if (!again) {
      await answerOf(app, exchange)
      return await this.settled()
    }
    this.givenAgain += 1
    const told = await toldOf()
    this.#asked = []
    const whole = await answerOf(anew, exchange)
    await this.settled()
    const what = JSON.stringify(asked)
    assert.deepEqual(shown(again), whole, what)
    assert.deepEqual(told, await toldOf(), `what was noted of ${what}`)
    assert.deepEqual(this.#asked, [], `upstream had to be asked for ${what}`)
  }

  // What is being looked up meanwhile is found as it was before.
  async changeMeanwhile(change: Change, asked: readonly Asked[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#changed = promise
    const { app } = this.#running
    const answers = asked.map((each) => answerOf(app, this.#exchange(each)))
    await this.settled()
    await this.change(change)
    resolve()
    await Promise.all(answers)
    await this.settled()
  }

  async change(change: Change): Promise<void> {
    const { index } = this.#store
    switch (change.what) {
      case 'moved': {
        const tags = this.#tags[change.repository]
        if (change.to === undefined) tags?.delete(tagOf(change.tag))
        else tags?.set(tagOf(change.tag), change.to)
        break
      }
      case 'door':
        this.#isPublic[change.repository] = change.isPublic
        break
      case 'upstream':
        this.#isUp = change.isUp
        break
      case 'blocked':
        this.#blocked = change.names
        break
      case 'login':
        this.#hasLogin = change.isThere
        break
      case 'restarted':
        await this.#running.mirror.close()
        this.#running = this.#start(change.isOffline)
        break
      case 'looked': {
        const seen = { isPublic: change.isPublic, checkedAt: this.#now }
        await index.recordVisibility(this.#repository(change.repository), seen)
        break
      }
      case 'removed':
        await index.remove(this.#repository(change.repository), referenceOf(change.reference), [])
        break
      case 'evicted': {
        const ask = { after: undefined, before: this.#now + 1, spares: [], inUse: [] }
        await index.evictImage(ask)
        break
      }
      case 'clock':
        this.#now += change.byMs
    }
  }

  // Until whatever goes on behind the answers is over.
  async settled(): Promise<void> {
    for (let n = 0; n < ROUND_TRIPS; n += 1) await this.#store.index.usage()
  }

  #start(offline: boolean): Running {
    const { blobs, hasher } = this.#store
    const index: Index = {
      ...this.#store.index,
      findManifest: async (digest) => {
        const found = await this.#store.index.findManifest(digest)
        await this.#changed
        return found
      },
      recordUses: (...uses) => Promise.resolve(void this.#told.push(uses)),
      countPulls: (counts) => Promise.resolve(void this.#told.push(counts)),
    }
    const settings = { private: 'deny', literalNames: false } as const
    const registries = new Map([this.#registry, this.#other].map((name) => [name, settings]))
    const room = new ScriptedRoom()
    const quiet = (): void => undefined
    const now = (): number => this.#now
    const upstreams = new Map(
      [...registries.keys()].map((name) => [name, this.#upstream(name, offline)]),
    )
    const integrity = new Integrity({ index, store: blobs, hasher, room, damaged: quiet, now })
    const mirror = new Mirror({
      ...{ index, store: blobs, hasher, room, integrity, registries, offline, now },
      upstreams: {
        registry: (name) => upstreams.get(name) as UpstreamRegistry,
        all: () => [...upstreams.values()],
        close: async () => undefined,
      },
      events: {
        filled: quiet,
        misnamed: quiet,
        unrefreshed: quiet,
        listCut: quiet,
        listUnrecorded: quiet,
        turned: quiet,
        unreadable: quiet,
        storeFailed: quiet,
        storeWorks: quiet,
        roomless: quiet,
        roomAgain: quiet,
        passFailed: quiet,
        indexFailed: quiet,
        indexWorks: quiet,
      },
      addressing: {
        registries,
        aliases: new Map(),
        pathAliases: new Map([['lab', this.#other]]),
        hosts: new Map([[BOX, this.#other]]),
        defaultRegistry: this.#registry,
      },
      access: {
        verdict: ({ name }, tag) => {
          if (this.#blocked.includes(name)) return 'blocked'
          return this.#blocked.includes(`${name}:${tag}`) ? 'blocked-tag' : 'allowed'
        },
      },
      tagTtl: { movingMs: MOVING_MS, exactMs: EXACT_MS, patterns: [] },
      staleAfterMs: 10_000,
      catalog: true,
      abandoned: 'finish',
    })
    const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
    const pulls = new ToldPulls(log, now, (call) => this.#told.push(call))
    const remembered = new RememberedAnswers()
    const options = { mirror, pulls, log, version: 'test', authority: undefined }
    const app = registryApp({ ...options, remembered })
    return { mirror, remembered, app, anew: registryApp(options) }
  }

  #exchange({ repository, reference, method, form, condition }: Asked): Exchange {
    const name = `${form === 'prefix' ? 'lab/v2' : 'v2'}/app${repository}`
    const written = typeof reference === 'number' ? imageOf(reference).digest : reference
    const text = form === 'encoded' ? written.replace(':', '%3A') : written
    const query = form === 'ns' ? `?ns=${this.#other}` : ''
    const conditions = { none: undefined, matching: imageOf(0).digest, other: '"other"' }
    return {
      method,
      target: `/${name}/manifests/${text}${query}`,
      host: form === 'host' ? BOX : '127.0.0.1:5000',
      ifNoneMatch: conditions[condition],
      client: '10.0.0.7',
      listenerRegistry: form === 'listener' ? this.#other : undefined,
    }
  }

  #repository(number: number): Repository {
    return { registry: this.#registry, name: parseRepositoryName(`app${number}`) as RepositoryName }
  }

  #upstream(registry: string, offline: boolean): UpstreamRegistry {
    const hasLogin = (): boolean => this.#hasLogin && !offline
    const told = (asking: Asking | undefined) => ({
      isAnonymous: !hasLogin() || asking?.anonymously === true,
      isOrigin: true,
    })
    const find = (name: RepositoryName, reference: Reference, asking?: Asking) => {
      this.#asked.push(JSON.stringify([name, reference, asking]))
      if (offline) throw new UpstreamError('offline', 'offline')
      if (!this.#isUp) throw new UpstreamError('unreachable', 'down')
      const number = Number(name.replace('app', ''))
      if (!this.#isPublic[number] && told(asking).isAnonymous) {
        throw new UpstreamError('not-visible', 'refused')
      }
      if ('digest' in reference) return IMAGES.find(({ digest }) => digest === reference.digest)
      return IMAGES[this.#tags[number]?.get(reference.tag) ?? IMAGES.length]
    }
    return {
      registry,
      get hasLogin() {
        return hasLogin()
      },
      headManifest: async (name, reference, asking) => {
        const image = find(name, reference, asking)
        return image && { ...image, ...told(asking) }
      },
      getManifest: async (name, reference, asking) => {
        const image = find(name, reference, asking)
        return image && { bytes: image.bytes, contentType: image.mediaType, ...told(asking) }
      },
      openBlob: async () => undefined,
      listTags: async () => undefined,
      listReferrers: async () => undefined,
      status: () => {
        throw new Error('nobody asks')
      },
      checkLogin: () => Promise.reject(new Error('nobody asks')),
    }
  }
}

interface Running {
  readonly mirror: Mirror
  readonly remembered: RememberedAnswers
  readonly app: ReturnType<typeof registryApp>
  // The same without a memory.
  readonly anew: ReturnType<typeof registryApp>
}

class ToldPulls extends PullLog {
  readonly #tell: (call: unknown) => void

  constructor(log: Logger, now: () => number, tell: (call: unknown) => void) {
    super(log, now)
    this.#tell = tell
  }

  override manifest(...call: Parameters<PullLog['manifest']>): void {
    const [client, repository, reference, { how, staleBecause }] = call
    this.#tell([client, repository, reference, how, staleBecause])
    super.manifest(...call)
  }
}

interface Shown {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

async function answerOf(app: Running['app'], exchange: Exchange): Promise<Shown> {
  const { method, target } = exchange
  const request = new Request(`http://mirror${target}`, { method })
  const response = await app.fetch(request, { exchange: { ...exchange } })
  const { status, headers } = response
  return { status, headers: Object.fromEntries(headers), body: await response.text() }
}

function shown({ status, headers, body }: ReadyResponse): Shown {
  return { status, headers, body: Buffer.from(body ?? []).toString() }
}

function tagOf(name: TagName): Tag {
  return parseTag(name) as Tag
}

function imageOf(number: number): (typeof IMAGES)[number] {
  const image = IMAGES[number]
  assert.ok(image)
  return image
}

function referenceOf(reference: TagName | number): Reference {
  if (typeof reference === 'string') return { tag: tagOf(reference) }
  return { digest: imageOf(reference).digest }
}
