// Who may read a repository: what anybody can read upstream is for everyone, the rest is as the
// operator says. One question without the login tells, and holds for a day.

import { LRUCache } from 'lru-cache'
import { RequestError, UpstreamError } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, RepositoryName } from '../oci/name.ts'
import type { Index, Visibility as KnownVisibility } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { MirrorEvents } from './events.ts'
import { Misses } from './misses.ts'
import { admission, allowedBy, isRecent, PRIVATE_UNTIL_CHECKED } from './private-policy.ts'
import type { PrivatePolicy } from './private-policy.ts'
import { probe } from './probe.ts'
import type { Wanted } from './probe.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_MS = 10_000
/**
 * Of a repository that nothing is held of: Docker Hub refuses (401) what does not exist yet too, and a
 * name that is mistyped is not worth a row of the index.
 */
const HIDDEN_MS = 30_000
/** Whether what was public still is, is asked in the background at most this often. */
const CHECK_AGAIN_MS = 600_000
/** Public repositories that were refused once, remembered until they are asked about again. */
const DOUBTED_MAX = 10_000

export interface VisibilityOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  /** By canonical name. */
  readonly registries: ReadonlyMap<
    string,
    { readonly private: PrivatePolicy; readonly clientCertificate?: object | undefined }
  >
  /** How long a request waits to hear whether what was private still is. */
  readonly staleAfterMs: number
  readonly now: () => number
}

/**
 * What was found out without a login. `this-alone`: what was asked for is readable, which says nothing
 * of the repository; nor does `missing`, that it is not there; `hidden`: upstream refused.
 */
type Finding = 'readable' | 'this-alone' | 'missing' | 'hidden'

export class Visibility {
  readonly #options: VisibilityOptions
  readonly #policies: ReadonlyMap<string, (name: RepositoryName) => boolean>
  readonly #looking = new SingleFlight<{ readonly finding: Finding; readonly at: string }>()
  readonly #missing: Misses
  readonly #hidden: Misses
  readonly #checked: Misses
  /** When what is known as public was refused. */
  readonly #doubted = new LRUCache<string, number>({ max: DOUBTED_MAX })

  constructor(options: VisibilityOptions) {
    this.#options = options
    this.#policies = new Map(
      Array.from(options.registries, ([name, settings]) => [name, allowedBy(settings.private)]),
    )
    this.#missing = new Misses(MISSING_MS, options.now)
    this.#hidden = new Misses(HIDDEN_MS, options.now)
    this.#checked = new Misses(CHECK_AGAIN_MS, options.now)
  }

  /**
   * What `find` finds, where the repository may be answered from, whatever is held of it. Throws
   * RequestError where not, and UpstreamError where that cannot be told. `dismiss` is told what was
   * found and is not given out.
   */
  async answer<Found>(
    repository: Repository,
    wanted: Wanted,
    find: () => Promise<Found>,
    dismiss: (found: Found) => void = () => undefined,
  ): Promise<Found> {
    const upstream = this.#options.upstreams.registry(repository.registry)
    const hadLogin = upstream.hasLogin
    await this.#admit(repository, wanted, hadLogin)
    const found = find()
    await found.catch(() => undefined)
    // Of a login that has come since, what was found may be what only that login can read.
    if (!hadLogin && upstream.hasLogin) {
      try {
        await this.#admit(repository, wanted, true)
      } catch (error) {
        await found.then(dismiss, () => undefined)
        throw error
      }
    }
    return await found
  }

  /**
   * Finds out who may read the repository while upstream can tell, as the first pull would, so that
   * pulls are answered without it. Throws UpstreamError where it cannot be told.
   */
  async settle(repository: Repository): Promise<void> {
    const { index, upstreams, now } = this.#options
    if (!upstreams.registry(repository.registry).hasLogin) return
    const known = await index.findVisibility(repository)
    if (this.isAllowed(repository) && !known?.isPublic) return
    if (known && isRecent(known, now())) return
    await this.#look(repository, { kind: 'tags' })
  }

  async #admit(repository: Repository, wanted: Wanted, hasLogin: boolean): Promise<void> {
    const { index, now } = this.#options
    const known = await index.findVisibility(repository)
    const isAllowed = this.isAllowed(repository)
    switch (admission({ isAllowed, hasLogin, known, now: now() })) {
      case 'answer':
        return
      case 'answer-and-check':
        return this.#checkMeanwhile(repository, wanted)
      case 'refuse':
        throw this.#refusal(repository, wanted, 'hidden')
      case 'check-first': {
        const look = known ? this.#lookShortly(repository, wanted) : this.#look(repository, wanted)
        const finding = await look
        if (finding === 'missing' || finding === 'hidden')
          throw this.#refusal(repository, wanted, finding)
      }
    }
  }

  /** Whether the catalog names the repository; `isPublic` as the index knows it. Asks nobody. */
  isListed(repository: Repository, isPublic: boolean | undefined): boolean {
    const { registries, upstreams } = this.#options
    // A registry that was taken out of the configuration is not served at all.
    if (!registries.has(repository.registry)) return false
    if (this.isAllowed(repository)) return true
    return isPublic ?? !upstreams.registry(repository.registry).hasLogin
  }

  /** Whether the policy opens the repository to everyone, whoever may read it upstream. */
  isAllowed({ registry, name }: Repository): boolean {
    return this.#policies.get(registry)?.(name) ?? false
  }

  #checkMeanwhile(repository: Repository, wanted: Wanted): void {
    const key = repositoryKey(repository)
    if (this.#checked.has(key)) return
    this.#checked.add(key)
    this.#look(repository, wanted).catch(() => undefined)
  }

  /** What was private may have become public, but nobody waits long for that, and no failure is told. */
  async #lookShortly(repository: Repository, wanted: Wanted): Promise<Finding> {
    const look = this.#look(repository, wanted).catch((error: unknown) => {
      if (error instanceof UpstreamError) return 'slow' as const
      throw error
    })
    const finding = await within(this.#options.staleAfterMs, look)
    return finding === 'readable' || finding === 'this-alone' ? finding : 'hidden'
  }

  /** One question for a repository, however many ask; another only for what another's left open. */
  async #look(repository: Repository, wanted: Wanted): Promise<Finding> {
    const what = `${wanted.kind} ${nameOf(repository, wanted)}`
    if (this.#missing.has(what)) return 'missing'
    if (this.#hidden.has(repositoryKey(repository))) return 'hidden'
    const ask = (): Promise<{ finding: Finding; at: string }> => this.#ask(repository, wanted, what)
    const first = await this.#looking.run(repositoryKey(repository), ask)
    const tellsOfAll = first.finding === 'readable' || first.finding === 'hidden'
    if (tellsOfAll || first.at === what) return first.finding
    return (await this.#looking.run(what, ask)).finding
  }

  async #ask(
    repository: Repository,
    wanted: Wanted,
    what: string,
  ): Promise<{ finding: Finding; at: string }> {
    const { index, now } = this.#options
    const known = await index.findVisibility(repository)
    // Whoever asked just before may have learnt it since this one looked.
    if (known && isRecent(known, now())) {
      return { finding: known.isPublic ? 'readable' : 'hidden', at: what }
    }
    const finding = await this.#find(repository, wanted, known)
    if (finding === 'missing') this.#missing.add(what)
    else if (finding === 'readable') await this.#record(repository, true, known)
    else if (finding === 'hidden' && !known) this.#hidden.add(repositoryKey(repository))
    else if (finding === 'hidden' && !this.#isDoubtful(repository, known))
      await this.#record(repository, false, known)
    return { finding, at: what }
  }

  /** One refusal may be a firewall's, and must not keep what is public from everybody for a day. */
  #isDoubtful(repository: Repository, known: KnownVisibility | undefined): boolean {
    if (!known?.isPublic) return false
    const now = this.#options.now()
    const key = repositoryKey(repository)
    const since = this.#doubted.get(key)
    if (since === undefined) this.#doubted.set(key, now)
    return since === undefined || now - since < CHECK_AGAIN_MS
  }

  async #find(
    repository: Repository,
    wanted: Wanted,
    known: KnownVisibility | undefined,
  ): Promise<Finding> {
    const { index, upstreams } = this.#options
    const upstream = upstreams.registry(repository.registry)
    const knownTag = (await index.knownTags(repository)).at(-1)
    const asked = { upstream, repository: repository.name, wanted, knownTag }
    try {
      const found = await probe({ ...asked, anonymously: true })
      if (found && !found.isAnonymous) return 'hidden'
      if (found) return found.tellsOf === 'repository' ? 'readable' : 'this-alone'
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'not-visible') return 'hidden'
      throw error
    }
    // Some registries say of what is private that it is missing: the login tells the two apart.
    if (!known || !upstream.hasLogin) return 'missing'
    return (await probe({ ...asked, anonymously: false })) ? 'hidden' : 'missing'
  }

  async #record(
    repository: Repository,
    isPublic: boolean,
    known: KnownVisibility | undefined,
  ): Promise<void> {
    const { index, events, now } = this.#options
    this.#doubted.delete(repositoryKey(repository))
    await index.recordVisibility(repository, { isPublic, checkedAt: now() })
    const hasTurned = known && known !== PRIVATE_UNTIL_CHECKED && known.isPublic !== isPublic
    if (hasTurned) events.turned(repository, isPublic)
  }

  #refusal(repository: Repository, wanted: Wanted, finding: 'missing' | 'hidden'): RequestError {
    const { registry, name } = repository
    const isCertified = this.#options.registries.get(registry)?.clientCertificate !== undefined
    const remedy = isCertified
      ? `--private ${registry}=everyone, or with a list of repositories in the place of everyone`
      : `--private ${registry}=${name}`
    const because = isCertified
      ? `is asked for with a client certificate, as everything of ${registry}`
      : 'cannot be read without a login'
    const key = repositoryKey(repository)
    return refusal(
      repository,
      wanted,
      finding === 'hidden'
        ? `${key} ${because}, and this mirror keeps such repositories to itself: its operator can ` +
            `allow it with ${remedy}`
        : `${nameOf(repository, wanted)} was not found without a login: if ${key} is private, the ` +
            `operator of this mirror can allow it with ${remedy}`,
    )
  }
}

/** The same words whether there is such a thing or not. */
function refusal({ name }: Repository, wanted: Wanted, message: string): RequestError {
  switch (wanted.kind) {
    case 'manifest': {
      const { reference } = wanted
      const detail = 'tag' in reference ? { Tag: reference.tag } : { Digest: reference.digest }
      return new RequestError('MANIFEST_UNKNOWN', message, detail)
    }
    case 'blob':
      return new RequestError('BLOB_UNKNOWN', message, { digest: wanted.digest })
    case 'tags':
    case 'referrers':
      return new RequestError('NAME_UNKNOWN', message, { name })
  }
}

function nameOf(repository: Repository, wanted: Wanted): string {
  switch (wanted.kind) {
    case 'manifest':
      return imageName(repository, wanted.reference)
    case 'blob':
      return imageName(repository, wanted)
    case 'tags':
      return repositoryKey(repository)
    case 'referrers':
      return imageName(repository, { digest: wanted.subject })
  }
}
