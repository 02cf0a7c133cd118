// Nobody reads through the mirror what nobody can read without a login, in whatever order things are
// pulled: by whom it was pulled before, what was broken off, what somebody's manifest names.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Integrity } from '../../src/care/integrity.ts'
import { RequestError, UpstreamError } from '../../src/errors.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import type { PrivatePolicy } from '../../src/mirror/private-policy.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import type { Reference, Repository, RepositoryName, Tag } from '../../src/oci/name.ts'
import { openStore } from '../../src/store/store.ts'
import type { Store } from '../../src/store/store.ts'
import type { Asking, OpenedBlob, UpstreamRegistry } from '../../src/upstream/upstream.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import { ScriptedRoom } from '../support/scripted-room.ts'
import { campaign, seed } from '../support/seed.ts'
import { TempFolder } from '../support/temp-folder.ts'

const TAG = parseTag('1') as Tag
const BLOBS = 2
const CONTENTS = BLOBS + 2
const REPOSITORIES = 3

// What a registry says to the anonymous of a repository.
type Door = 'public' | 'refused' | 'missing'

const repositories = fc.array(
  fc.record({
    door: fc.constantFrom<Door>('public', 'public', 'refused', 'missing'),
    // Manifests may name what is not there: then somebody pushed what is not theirs to name.
    has: fc.subarray(Array.from({ length: CONTENTS }, (_, n) => n)),
    tagged: fc.integer({ min: BLOBS, max: CONTENTS - 1 }),
  }),
  { minLength: REPOSITORIES, maxLength: REPOSITORIES },
)

const pulls = fc.array(
  fc.record({
    policy: fc.constantFrom<PrivatePolicy>('deny', 'deny', 'everyone'),
    hasLogin: fc.constantFrom(true, true, false),
    repository: fc.nat(REPOSITORIES - 1),
    wanted: fc.oneof(fc.nat(CONTENTS - 1), fc.constant('tag' as const)),
    isHead: fc.boolean(),
    breaks: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40, size: 'max' },
)

const folder = new TempFolder('visibility')
let store: Store | undefined
after(async () => {
  await store?.close()
  await folder.close()
})

test('what needs a login is served to nobody, and what is public always, whatever came before', async () => {
  const opened = (store = await openStore(folder.path, 1))
  let runs = 0
  const property = fc.asyncProperty(repositories, pulls, async (plan, steps) => {
    await using world = new World(opened, `run${runs++}.test`, plan)
    for (const step of steps) await world.pull(step)
  })
  await fc.assert(property, { seed, numRuns: campaign(60) })
})

interface Content {
  readonly digest: Digest
  readonly bytes: Buffer
  readonly mediaType: string
}

type Plan = typeof repositories extends fc.Arbitrary<infer Value> ? Value : never
type Step = typeof pulls extends fc.Arbitrary<(infer Value)[]> ? Value : never

class World implements AsyncDisposable {
  readonly #store: Store
  readonly #registry: string
  readonly #plan: Plan
  readonly #contents: readonly Content[]
  readonly #mirrors = new Map<string, Mirror>()
  #breaks = false
  #ended = Promise.withResolvers<void>()

  constructor(store: Store, registry: string, plan: Plan) {
    this.#store = store
    this.#registry = registry
    this.#plan = plan
    this.#contents = contentsOf(registry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mirror of this.#mirrors.values()) await mirror.close()
  }

  async pull(step: Step): Promise<void> {
    const { policy, hasLogin, wanted, isHead, breaks } = step
    const { door, has, tagged } = this.#plan[step.repository] as Plan[number]
    const content = this.#contents[wanted === 'tag' ? tagged : wanted] as Content
    const isThere = has.includes(this.#contents.indexOf(content))
    this.#breaks = breaks
    const repository = repositoryOf(this.#registry, step.repository)
    const mirror = this.#mirror(policy, hasLogin)
    const served = await this.#served(mirror, repository, content, wanted === 'tag', isHead)
    if (policy === 'everyone') return
    const what = JSON.stringify({ step, plan: this.#plan })
    if (served) {
      assert.equal(door, 'public', `served out of what needs a login: ${what}`)
      // The size of a blob is told by who names it; its bytes are not.
      const isNamedOnly = isHead && wanted !== 'tag' && wanted < BLOBS
      assert.ok(isNamedOnly || this.#isOpen(content), `served what is nowhere public: ${what}`)
    } else assert.ok(door !== 'public' || !isThere, `kept from everybody: ${what}`)
  }

  async #served(
    mirror: Mirror,
    repository: Repository,
    content: Content,
    byTag: boolean,
    isHead: boolean,
  ): Promise<boolean> {
    const { digest, mediaType } = content
    try {
      if (byTag || mediaType !== '') {
        const reference = byTag ? { tag: TAG } : { digest }
        const found = await mirror.manifest(repository, reference, isHead ? 'head' : 'bytes')
        return found !== undefined
      }
      if (isHead) return (await mirror.blobSize(repository, digest)) !== undefined
      this.#ended = Promise.withResolvers()
      const found = await mirror.blob(repository, digest)
      found?.dismiss()
      if (found?.how === 'miss') await this.#ended.promise
      return found !== undefined
    } catch (error) {
      if (error instanceof RequestError || error instanceof UpstreamError) return false
      throw error
    }
  }

  #isOpen(content: Content): boolean {
    const index = this.#contents.indexOf(content)
    return this.#plan.some(({ door, has }) => door === 'public' && has.includes(index))
  }

  #mirror(policy: PrivatePolicy, hasLogin: boolean): Mirror {
    const key = `${String(policy)} ${hasLogin}`
    const mirror = this.#mirrors.get(key) ?? this.#open(policy, hasLogin)
    this.#mirrors.set(key, mirror)
    return mirror
  }

  // As one binary after another on the same data folder, with other options.
  #open(policy: PrivatePolicy, hasLogin: boolean): Mirror {
    const { index, blobs, hasher } = this.#store
    const registries = new Map([[this.#registry, { private: policy, literalNames: false }]])
    const upstream = this.#upstream(hasLogin)
    const quiet = (): void => undefined
    const room = new ScriptedRoom()
    return new Mirror({
      index,
      store: blobs,
      hasher,
      room,
      integrity: new Integrity({
        index,
        store: blobs,
        hasher,
        room,
        damaged: quiet,
        now: Date.now,
      }),
      upstreams: { registry: () => upstream, all: () => [upstream], close: async () => undefined },
      events: {
        filled: () => this.#ended.resolve(),
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
        pathAliases: new Map(),
        hosts: new Map(),
        defaultRegistry: this.#registry,
      },
      registries,
      tagTtl: { movingMs: 0, exactMs: 0, patterns: [] },
      staleAfterMs: 10_000,
      catalog: true,
      offline: false,
      abandoned: 'finish',
      now: Date.now,
    })
  }

  #upstream(hasLogin: boolean): UpstreamRegistry {
    const told = (asking: Asking | undefined) => ({
      isAnonymous: !hasLogin || asking?.anonymously === true,
      isOrigin: true,
    })
    const find = (name: RepositoryName, reference: Reference, asking?: Asking) => {
      const { door, has, tagged } = this.#plan[Number(name.replace('app', ''))] as Plan[number]
      if (door !== 'public' && told(asking).isAnonymous) {
        if (door === 'missing') return undefined
        throw new UpstreamError('not-visible', 'refused')
      }
      return this.#contents.find(({ digest }, index) => {
        const isMeant = 'tag' in reference ? index === tagged : digest === reference.digest
        return isMeant && has.includes(index)
      })
    }
    return {
      registry: this.#registry,
      hasLogin,
      headManifest: async (name, reference, asking) => {
        const content = find(name, reference, asking)
        if (!content || content.mediaType === '') return undefined
        const { digest, mediaType, bytes } = content
        return { digest, mediaType, sizeBytes: bytes.length, ...told(asking) }
      },
      getManifest: async (name, reference, asking) => {
        const content = find(name, reference, asking)
        if (!content || content.mediaType === '') return undefined
        return { bytes: content.bytes, contentType: content.mediaType, ...told(asking) }
      },
      openBlob: async (name, digest, range, asking) => {
        const content = find(name, { digest }, asking)
        return content && { ...this.#body(content, range), ...told(asking) }
      },
      listTags: async () => undefined,
      listReferrers: async () => undefined,
      status: () => {
        throw new Error('nobody asks')
      },
      checkLogin: () => Promise.reject(new Error('nobody asks')),
    }
  }

  #body(
    { bytes }: Content,
    range: { readonly start: number; readonly end?: number } | undefined,
  ): Omit<OpenedBlob, 'isAnonymous' | 'isOrigin'> {
    const { start = 0, end = bytes.length - 1 } = range ?? {}
    const breaks = this.#breaks
    async function* body(): AsyncGenerator<Uint8Array> {
      if (!breaks) return yield bytes.subarray(start, end + 1)
      yield bytes.subarray(start, Math.ceil((start + end + 1) / 2))
      // Of a kind that is not tried again: the first half is kept.
      throw new UpstreamError('not-visible', 'broken off')
    }
    const abort = (): void => undefined
    const told = { start, isPart: range !== undefined, totalBytes: bytes.length }
    return { ...told, body: body(), abort, distrust: () => false }
  }
}

function repositoryOf(registry: string, index: number): Repository {
  return { registry, name: parseRepositoryName(`app${index}`) as RepositoryName }
}

// Two blobs, an image of both, an index of it.
function contentsOf(registry: string): Content[] {
  const { config, layer, manifest, index } = MEDIA_TYPES.oci
  const blobs = Array.from({ length: BLOBS }, (_, n) =>
    contentOf('', Buffer.from(`${registry} blob ${n}`.repeat(20))),
  )
  const [one, two] = blobs as [Content, Content]
  const image = jsonContent(manifest, {
    config: descriptor(one, config),
    layers: [descriptor(two, layer)],
  })
  const platform = { os: 'linux', architecture: 'amd64' }
  const manifests = [{ ...descriptor(image, manifest), platform }]
  return [...blobs, image, jsonContent(index, { manifests })]
}

function jsonContent(mediaType: string, value: object): Content {
  return contentOf(
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value })),
  )
}

function contentOf(mediaType: string, bytes: Buffer): Content {
  return { digest: digestOf(bytes), bytes, mediaType }
}

function descriptor({ digest, bytes }: Content, mediaType: string): object {
  return { mediaType, digest, size: bytes.length }
}
