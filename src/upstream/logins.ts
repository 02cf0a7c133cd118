// The login of one registry: found in time, and what people are told of it.

import { createHmac, randomBytes } from 'node:crypto'
import { boundedMap } from '../lib/bounded-map.ts'
import { LoginError } from '../errors.ts'
import type { RepositoryName } from '../oci/name.ts'
import { AttemptError } from './attempt-error.ts'
import { untilAborted } from './deadline.ts'
import type { UpstreamEvents } from './events.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Credentials, FoundLogin } from './login.ts'
import type { RegistryStatus } from './upstream.ts'

export interface HeldLogin extends FoundLogin {
  /** The same for the same login; tells nothing about it. */
  readonly id: string
}

/** `trouble`: why the one that is configured is of no use now, in a sentence. */
export type Usable = { readonly held: HeldLogin } | { readonly trouble: string }

export interface LoginsOptions {
  readonly registry: string
  readonly credentials: Credentials | undefined
  readonly limits: UpstreamLimits
  readonly events: UpstreamEvents
  readonly now: () => number
}

/** Different troubles of one registry that are told once each. */
const TOLD_MAX = 100

export class Logins {
  readonly #options: LoginsOptions
  readonly #searches = new Map<string, Promise<HeldLogin | undefined>>()
  readonly #told = boundedMap<string, true>(TOLD_MAX)
  #cannotBeHad = false
  #doesNotWork = false
  #triedAtMs: number | undefined
  #wasFound = false

  constructor(options: LoginsOptions) {
    this.#options = options
  }

  get mayExist(): boolean {
    return this.#options.credentials?.mayExist ?? false
  }

  /** What was asked with one stays what only that login may read, also when it is gone. */
  get mayBeInUse(): boolean {
    return this.#wasFound || this.mayExist
  }

  state(): RegistryStatus['login'] {
    if (!this.mayExist) return 'none'
    return this.#cannotBeHad || this.#doesNotWork ? 'refused' : 'configured'
  }

  /** When it was last found out whether it works, in ms since the epoch. */
  get triedAtMs(): number | undefined {
    return this.mayExist ? this.#triedAtMs : undefined
  }

  /** Undefined: there is none. `refused`: one that was turned down, for its source to renew. */
  async find(
    repository: RepositoryName | undefined,
    signal: AbortSignal,
    refused?: HeldLogin,
  ): Promise<Usable | undefined> {
    signal.throwIfAborted()
    try {
      const held = await untilAborted(this.#search(repository, refused), signal)
      this.#cannotBeHad = false
      this.#wasFound ||= held !== undefined
      return held && { held }
    } catch (error) {
      const { registry } = this.#options
      // The time of a try went by before anybody was asked, so it is not the endpoint's failure.
      if (signal.aborted) {
        throw new AttemptError('unauthorized', `${registry}: its login was not found in time`)
      }
      if (!(error instanceof LoginError)) throw error
      const remedy = error.remedy === undefined ? '' : `; ${error.remedy}`
      const trouble = `${registry}: its login cannot be used: ${error.message}${remedy}`
      this.#cannotBeHad = true
      this.#tell(trouble)
      return { trouble }
    }
  }

  works(): void {
    this.#doesNotWork = false
    this.#triedAtMs = this.#options.now()
    this.#told.clear()
  }

  /** For whatever reason, in a sentence. */
  doesNotWork(trouble: string): void {
    this.#doesNotWork = true
    this.#tell(trouble)
  }

  /** Shared by all who ask while it goes on: of a helper that hangs nobody waits for twice the limit. */
  #search(
    repository: RepositoryName | undefined,
    refused: HeldLogin | undefined,
  ): Promise<HeldLogin | undefined> {
    const { credentials, limits } = this.#options
    if (!credentials) return Promise.resolve(undefined)
    const key = JSON.stringify([repository, refused?.id])
    const running = this.#searches.get(key)
    if (running) return running
    const found = credentials.login(repository, refused?.login)
    const search = withinLimit(found, limits.loginLookupMs)
    this.#searches.set(key, search)
    const forget = (): void => void this.#searches.delete(key)
    found.then(forget, forget)
    return search
  }

  #tell(trouble: string): void {
    this.#triedAtMs = this.#options.now()
    if (this.#told.has(trouble)) return
    this.#told.set(trouble, true)
    this.#options.events.loginTrouble(this.#options.registry, trouble)
  }
}

async function withinLimit(
  found: Promise<FoundLogin | undefined>,
  limitMs: number,
): Promise<HeldLogin | undefined> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `its credential helper did not answer within ${limitMs / 1000} s`
    late.reject(new LoginError(message))
  }, limitMs)
  try {
    const login = await Promise.race([found, late.promise])
    return login && hold(login)
  } finally {
    clearTimeout(timer)
  }
}

/** A hash that only this process can make: nobody can try passwords on it. */
const ID_KEY = randomBytes(32)

function hold(found: FoundLogin): HeldLogin {
  const { login } = found
  const parts =
    login.kind === 'password'
      ? [login.kind, login.username, login.password.reveal()]
      : [login.kind, login.token.reveal()]
  const id = createHmac('sha256', ID_KEY).update(JSON.stringify(parts)).digest('base64url')
  return { ...found, id }
}
