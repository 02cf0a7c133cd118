// Who may read a repository: what anybody can read upstream is for everyone, the rest is as the
// operator says. One question without the login tells, and holds for a day.

import { LRUCache } from 'lru-cache'
import { UpstreamError } from '../errors.ts'
import type { RequestError } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Repository, RepositoryName } from '../oci/name.ts'
import type { Index, Visibility as KnownVisibility } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { MirrorEvents } from './events.ts'
import { Misses } from './misses.ts'
import {
  admission,
  allowedBy,
  answeredUntil,
  isRecent,
  PRIVATE_UNTIL_CHECKED,
} from './private-policy.ts'
import type { Admission, PrivatePolicy, Standing } from './private-policy.ts'
import { probe } from './probe.ts'
import type { Wanted } from './probe.ts'
import { nameOf, refusalOf } from './visibility-refusal.ts'
import type { Settled } from './warm-port.ts'

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

/** What the operator says of what only a login can read. */
export interface RegistryLogin {
  readonly private: PrivatePolicy
  readonly clientCertificate?: object | undefined
}

export interface VisibilityOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  /** By canonical name. */
  readonly registries: ReadonlyMap<string, RegistryLogin>
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

  /** Whether pulls would be answered without upstream. Asks nobody. */
  async isServed(repository: Repository): Promise<boolean> {
    const word = await this.#admissionNow(repository)
    return word === 'answer' || word === 'answer-and-check'
  }

  /**
   * Finds out who may read the repository while upstream can tell, by a manifest that is held of it, so
   * that pulls are answered without it. Throws UpstreamError where it cannot be told. `turn` is waited
   * for before anybody is asked.
   */
  async settle(
    repository: Repository,
    digest: Digest,
    turn?: () => Promise<void>,
  ): Promise<Settled> {
    const word = await this.#admissionNow(repository)
    if (word === 'answer') return 'served'
    if (word === 'refuse') return 'refused'
    await turn?.()
    const held = await this.#options.index.findManifest(digest)
    const wanted = {
      kind: 'manifest',
      reference: { digest },
      heldBytes: held?.bytes.length,
    } as const
    const look = this.#look(repository, wanted)
    const finding = await (word === 'check-first' ? look : look.catch(unlessUpstreams))
    if (await this.isServed(repository)) return 'served'
    return finding === 'hidden' ? 'refused' : 'unknown'
  }

  /** Until when pulls are answered and nobody is asked, unless the index or `hasLogin` changes. */
  async answeredUntil(repository: Repository): Promise<number> {
    return answeredUntil(await this.#standing(repository))
  }

  async #admissionNow(repository: Repository): Promise<Admission> {
    return admission(await this.#standing(repository))
  }

  async #standing(repository: Repository): Promise<Standing> {
    const { index, upstreams, now } = this.#options
    const known = await index.findVisibility(repository)
    const isAllowed = this.isAllowed(repository)
    const { hasLogin } = upstreams.registry(repository.registry)
    return { isAllowed, hasLogin, known, now: now() }
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
    const { registries } = this.#options
    const isCertified = registries.get(repository.registry)?.clientCertificate !== undefined
    return refusalOf({ repository, wanted, finding, isCertified })
  }
}

/** What is known as public is served whether upstream can be asked or not. */
function unlessUpstreams(error: unknown): undefined {
  if (!(error instanceof UpstreamError)) throw error
}
