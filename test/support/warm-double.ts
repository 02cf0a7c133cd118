// The engine of `warm` without a mirror: registries in memory that follow a script, and a clock that
// jumps to the next thing anybody waits for as soon as nothing else goes on.
import { setImmediate as turn } from 'node:timers/promises'
import type { WarmAsk, WarmProgress, WarmReport, WarmRow } from '../../src/care/warm-job.ts'
import type { Pinnable } from '../../src/care/room-port.ts'
import type { Cap } from '../../src/mirror/pace.ts'
import type { ListedTags, Settled, TagHead, WarmMirror } from '../../src/mirror/warm-port.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { imageName, parseRepositoryName, repositoryKey } from '../../src/oci/name.ts'
import type { Reference, Repository, Tag } from '../../src/oci/name.ts'
import type { ReferrerDescriptor } from '../../src/oci/referrers.ts'
import type { HeldManifest, LeftPin, ListPins, WarmRunRow } from '../../src/store/index-port.ts'
import type { PullQuota } from '../../src/upstream/upstream.ts'
import { warmJob } from '../../src/warm/warm.ts'
import type { WarmOptions } from '../../src/warm/warm.ts'
import type { Image } from './images.ts'
import { warmAsk } from './warm-run.ts'

export interface Request {
  readonly what: 'HEAD' | 'LIST' | 'GET' | 'BLOB' | 'SETTLE'
  readonly registry: string
  // `library/app:1`, `library/app@sha256:...`
  readonly name: string
  readonly digest: string | undefined
  readonly atMs: number
  // Of a blob.
  readonly signal: AbortSignal | undefined
}

// What happens before the answer: an error is thrown, a promise is waited for.
export type Script = (request: Request) => void | Promise<void>

interface Content {
  readonly tags: Map<string, string>
  readonly manifests: Map<string, HeldManifest>
  readonly blobs: Map<string, number>
}

const TURNS_UNTIL_IDLE = 4
const IDLE_MAX = 1000
const over = () => 'over' as const

export class WarmDouble implements WarmMirror {
  readonly log: Request[] = []
  readonly pins: string[] = []
  // Also what is not pinned any more.
  readonly everPinned: string[] = []
  // What lists keep, after each run of them.
  readonly kept: { readonly by: string; readonly pins: ListPins }[] = []
  onEndLeft: (pins: readonly LeftPin[]) => void = () => {}
  readonly quotas = new Map<string, PullQuota>()
  readonly runs: WarmRunRow[] = []
  readonly begun: WarmRunRow[] = []
  readonly rows: WarmRow[] = []
  readonly progress: WarmProgress[] = []
  // Of the runs that downloaded anything.
  readonly caps = new Set<Cap | undefined>()
  script: Script = () => {}
  random = 1
  nowMs = Date.UTC(2026, 10, 22)
  isYielding = false
  listsAreCut = false
  // So many looks at blobs that are stored find them gone.
  vanish = 0
  // What settling tells of repositories that need it, by `ghcr.io/team/app`.
  readonly whoMayRead = new Map<string, Settled>()
  // Why an image is left out by the operator's lists, by `docker.io/library/app:1`.
  readonly denials = new Map<string, string>()
  failedList: string | undefined
  // Each time a list of what failed was written or, undefined, taken away.
  readonly saved: (string | undefined)[] = []
  readonly #upstream = new Map<string, Content>()
  readonly #settled = new Map<string, Settled>()
  // Tags that clients use, the latest first, by `docker.io/library/app`.
  readonly used = new Map<string, readonly string[]>()
  // By the subject's digest.
  readonly referring = new Map<string, readonly ReferrerDescriptor[]>()
  readonly #known = new Map<string, { readonly digest: Digest; readonly checkedAt: number }>()
  readonly #held = new Map<string, HeldManifest>()
  readonly #stored = new Set<string>()
  readonly #sleepers: { readonly atMs: number; readonly wake: () => void }[] = []

  add(repository: string, tag: string, image: Image): void {
    const content = this.#content(repository)
    content.tags.set(tag, image.top.digest)
    for (const [digest, { mediaType, bytes }] of image.manifests) {
      content.manifests.set(digest, { digest: digestOf(digest), mediaType, bytes })
    }
    for (const [digest, { size }] of image.blobs) content.blobs.set(digest, size)
  }

  forget(repository: string, tag: string): void {
    this.#content(repository).tags.delete(tag)
  }

  remove(repository: string, digest: string): void {
    const { manifests, blobs } = this.#content(repository)
    manifests.delete(digest)
    blobs.delete(digest)
  }

  count(what: Request['what'], registry = 'docker.io'): number {
    return this.log.filter((each) => each.what === what && each.registry === registry).length
  }

  tell(registry: string, limit: number, remaining: number): void {
    this.quotas.set(registry, {
      ...{ limit, remaining, windowSeconds: 21600, source: undefined },
      toldAtMs: this.nowMs,
    })
  }

  async run(
    list: readonly string[],
    changes: Partial<WarmAsk> = {},
    signal = new AbortController().signal,
  ): Promise<WarmReport> {
    const running = warmJob(this.#options())(
      warmAsk(list, changes),
      {
        signal,
        progress: (progress) => void this.progress.push(progress),
        rows: (batch) => Promise.resolve(void this.rows.push(...batch)),
      },
      'run-1',
    )
    const ended = running.then(over, over)
    for (let idle = 0; idle <= IDLE_MAX;) {
      const step = await Promise.race([ended, this.#letTimePass()])
      if (step === 'over') break
      idle = step === 'idle' ? idle + 1 : 0
      if (idle > IDLE_MAX) throw new Error('nothing goes on, and nothing is waited for')
    }
    const answer = await running
    if (answer.kind !== 'ended') throw new Error('it was not run')
    this.failedList = answer.failedList
    return answer.report
  }

  get notices(): string[] {
    return this.rows.flatMap((row) => (row.kind === 'notice' ? row.text : []))
  }

  // WarmMirror

  repository(name: string): Repository | { readonly refused: string } {
    const parts = name.split('/')
    const [first = ''] = parts
    const hasHost = parts.length > 1 && first.includes('.')
    if (first === 'unknown.test') return { refused: 'unknown.test is not served here' }
    const path = hasHost ? parts.slice(1).join('/') : parts.length > 1 ? name : `library/${name}`
    const parsed = parseRepositoryName(path)
    if (parsed === undefined) throw new Error(name)
    return { registry: hasHost ? first : 'docker.io', name: parsed }
  }

  denial(repository: Repository, tag: Tag): string | undefined {
    return this.denials.get(imageName(repository, { tag }))
  }

  canonicalName(name: string): ReturnType<WarmMirror['canonicalName']> {
    const marked = name.replaceAll('**', '0all0').replaceAll('*', '0any0')
    const found = this.repository(marked)
    if ('refused' in found) return found
    const path = found.name.replace(/^library\/0all0$/, '0all0')
    return {
      registry: found.registry,
      name: path.replaceAll('0all0', '**').replaceAll('0any0', '*'),
    }
  }

  async head(repository: Repository, tag: string): Promise<TagHead | undefined> {
    await this.#ask('HEAD', repository, `:${tag}`)
    const content = this.#content(repositoryKey(repository))
    const digest = content.tags.get(tag)
    if (digest === undefined) return undefined
    this.#known.set(`${repositoryKey(repository)}:${tag}`, {
      ...{ digest: digestOf(digest), checkedAt: this.nowMs },
    })
    const manifest = content.manifests.get(digest)
    return {
      digest: digestOf(digest),
      mediaType: manifest?.mediaType,
      sizeBytes: manifest?.bytes.length,
    }
  }

  async tags(repository: Repository): Promise<ListedTags | undefined> {
    await this.#ask('LIST', repository, '')
    const tags = [...this.#content(repositoryKey(repository)).tags.keys()]
    return tags.length === 0 ? undefined : { tags, isCut: this.listsAreCut }
  }

  knownTag: WarmMirror['knownTag'] = (repository, tag) =>
    Promise.resolve(this.#known.get(`${repositoryKey(repository)}:${tag}`))

  usedTags(repository: Repository): Promise<readonly Tag[]> {
    return Promise.resolve((this.used.get(repositoryKey(repository)) ?? []) as Tag[])
  }

  usedRepositories(pattern: string): Promise<readonly Repository[]> {
    const prefix = pattern.slice(0, pattern.indexOf('*'))
    const keys = [...this.used.keys()].filter((key) => key.startsWith(prefix))
    return Promise.resolve(keys.map((key) => this.repository(key) as Repository))
  }

  referrers: WarmMirror['referrers'] = async (repository, subject) => {
    await this.#ask('LIST', repository, `@${subject}`)
    return { referrers: this.referring.get(subject) ?? [], tag: undefined }
  }

  knownReferrers(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  pinnable(): Promise<Pinnable | undefined> {
    return Promise.resolve(undefined)
  }

  heldManifest(repository: Repository, digest: Digest): Promise<HeldManifest | undefined> {
    return Promise.resolve(this.#held.get(`${repositoryKey(repository)}@${digest}`))
  }

  async manifest(
    repository: Repository,
    reference: Reference,
  ): Promise<{ readonly manifest: HeldManifest; readonly asked: boolean } | undefined> {
    const name = imageName(repository, reference).slice(repositoryKey(repository).length)
    await this.#ask('GET', repository, name)
    const content = this.#content(repositoryKey(repository))
    const digest = 'tag' in reference ? content.tags.get(reference.tag) : reference.digest
    const manifest = content.manifests.get(digest ?? '')
    if (!manifest) return undefined
    this.#held.set(`${repositoryKey(repository)}@${manifest.digest}`, manifest)
    return { manifest, asked: true }
  }

  missingBlobs: WarmMirror['missingBlobs'] = (repository, blobs) => {
    const keys = blobs.map(({ digest }) => `${repositoryKey(repository)}@${digest}`)
    if (this.vanish > 0 && keys.length > 0 && keys.every((key) => this.#stored.has(key))) {
      this.vanish -= 1
      for (const key of keys) this.#stored.delete(key)
    }
    return Promise.resolve(
      blobs.filter(({ digest }) => !this.#stored.has(`${repositoryKey(repository)}@${digest}`)),
    )
  }

  storeBlob: WarmMirror['storeBlob'] = async (repository, { digest }, { signal, cap, arrived }) => {
    this.caps.add(cap)
    const key = `${repositoryKey(repository)}@${digest}`
    await this.#ask('BLOB', repository, `@${digest}`, digest, signal)
    signal.throwIfAborted()
    const bytes = this.#content(repositoryKey(repository)).blobs.get(digest)
    if (bytes === undefined) return { how: 'missing' }
    const isElsewhere = [...this.#stored].some((each) => each.endsWith(digest))
    this.#stored.add(key)
    if (isElsewhere) return { how: 'held' }
    arrived(bytes)
    return { how: 'fetched', bytes }
  }

  isServed(repository: Repository): Promise<boolean> {
    const key = repositoryKey(repository)
    return Promise.resolve(!this.whoMayRead.has(key) || this.#settled.get(key) === 'served')
  }

  async settleVisibility(
    repository: Repository,
    digest: Digest,
    turn?: () => Promise<void>,
  ): Promise<Settled> {
    const key = repositoryKey(repository)
    if (this.#settled.get(key) === 'refused') return 'refused'
    await turn?.()
    await this.#ask('SETTLE', repository, `@${digest}`, digest)
    const settled = this.whoMayRead.get(key) ?? 'served'
    this.#settled.set(key, settled)
    return settled
  }

  quota(registry: string): PullQuota | undefined {
    return this.quotas.get(registry)
  }

  #options(): WarmOptions {
    return {
      mirror: () => this,
      index: {
        pin: (repository, reference, by) => {
          const pin = `${imageName(repository, reference)} ${by}`
          this.pins.push(pin)
          this.everPinned.push(pin)
          return Promise.resolve()
        },
        unpinAll: () => Promise.resolve(void (this.pins.length = 0)),
        keepPins: (by, pins) => Promise.resolve(void this.kept.push({ by, pins })),
        endLeft: (pins) => Promise.resolve(this.onEndLeft(pins)),
        recordWarmRun: (run) => Promise.resolve(void this.runs.unshift(run)),
        beginWarmRun: (run) => Promise.resolve(void this.begun.push(run)),
        forgetBegunWarmRun: () => Promise.resolve(void this.begun.pop()),
        lastWarmRunsOf: (lists) => {
          const isOf = (run: WarmRunRow) => run.lists.some((list) => lists.includes(list))
          return Promise.resolve(this.runs.filter(isOf))
        },
        lastWarmRunOfEach: () => Promise.resolve(this.runs),
      },
      saveFailedList: (text) => {
        this.saved.push(text)
        return Promise.resolve(text)
      },
      now: () => this.nowMs,
      sleep: (durationMs, signal) => this.#sleep(durationMs, signal),
      random: () => this.random,
    }
  }

  #sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.nowMs + durationMs, wake: resolve }
      this.#sleepers.push(sleeper)
      const stop = (): void => {
        const at = this.#sleepers.indexOf(sleeper)
        if (at >= 0) this.#sleepers.splice(at, 1)
        reject(signal.reason as Error)
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  async #letTimePass(): Promise<'busy' | 'idle'> {
    const asked = this.log.length
    for (let n = 0; n < TURNS_UNTIL_IDLE; n += 1) await turn()
    if (this.log.length > asked) return 'busy'
    const next = this.#sleepers.toSorted((one, other) => one.atMs - other.atMs)[0]
    if (!next) return 'idle'
    this.#sleepers.splice(this.#sleepers.indexOf(next), 1)
    this.nowMs = Math.max(this.nowMs, next.atMs)
    next.wake()
    return 'busy'
  }

  async #ask(
    what: Request['what'],
    repository: Repository,
    name: string,
    digest?: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const { registry } = repository
    const atMs = this.nowMs
    const request = { what, registry, name: repository.name + name, digest, atMs, signal }
    this.log.push(request)
    await this.script(request)
  }

  #content(repository: string): Content {
    const known = this.#upstream.get(repository)
    if (known) return known
    const content: Content = { tags: new Map(), manifests: new Map(), blobs: new Map() }
    this.#upstream.set(repository, content)
    return content
  }
}

function digestOf(text: string): Digest {
  const digest = parseDigest(text)
  if (!digest) throw new Error(text)
  return digest
}
