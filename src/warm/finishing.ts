// The end of an image's way: everything is looked at again, and kept while the run needs the room.

import { UpstreamError } from '../errors.ts'
import type { Settled } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { Index, LeftPin } from '../store/index-port.ts'
import { Lacking, whyOf } from './causes.ts'
import { end, unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Holding } from './holding.ts'
import type { Image } from './image.ts'
import type { Sending } from './patience.ts'
import { wantsAttestations } from './referring.ts'
import type { KeptBy } from './list-pins.ts'

export interface FinishingOptions {
  readonly index: Pick<Index, 'pin' | 'keepPins' | 'endLeft'>
  readonly pinnedBy: string
  readonly now: () => number
}

export class Finishing {
  readonly #context: RunContext
  readonly #options: FinishingOptions
  readonly #settled = new Map<string, Promise<Settled>>()
  readonly #early = new Map<string, Promise<Settled>>()
  readonly #pinned = new Set<string>()

  constructor(context: RunContext, options: FinishingOptions) {
    this.#context = context
    this.#options = options
  }

  /**
   * Its blobs are there: whether all is whole, and served without upstream, is looked at again. What is
   * not whole any more is fetched once more.
   */
  async finish(image: Image): Promise<void> {
    const { mirror } = this.#context
    const { repository, platforms, referrers } = image.wanted
    const { top } = image
    if (!top) throw new Lacking('other', 'upstream did not tell what it is')
    const settled = await this.#settle(image).catch((error: Error) => {
      throw undecided(image, error)
    })
    if (settled === 'refused') throw refused(image)
    if (settled === 'unknown') throw undecided(image)
    const withAttestations = wantsAttestations(referrers)
    const holding = await holdingOf(mirror, repository, top, platforms, withAttestations)
    image.holding = holding
    if (!isWhole(holding)) {
      if (image.isRepeated) throw vanished(holding)
      image.isRepeated = true
      return
    }
    await this.pin(image)
    this.#context.ending.foundRoom()
    end(this.#context, image, 'warmed')
  }

  /** In a full store nothing that this run wants makes room for the rest of it. */
  async pin({ wanted, digest }: Image): Promise<void> {
    const key = `${wanted.name} ${digest ?? ''}`
    if (digest === undefined || this.#pinned.has(key)) return
    this.#pinned.add(key)
    const { index, pinnedBy, now } = this.#options
    await index
      .pin(wanted.repository, { digest }, pinnedBy, now())
      // It is held all the same.
      .catch(() => this.#pinned.delete(key))
  }

  /** From here on the lists keep it, and the run need not. */
  async keep(lists: readonly KeptBy[]): Promise<void> {
    const { index } = this.#options
    for (const { by, pins } of lists) {
      await index.keepPins(by, pins).catch((error: Error) => {
        this.#context.board.notice(`what the ${by} keeps could not be noted: ${error.message}`)
      })
    }
  }

  /** What has left its list makes way for what lists mean. */
  async letGo(pins: readonly LeftPin[]): Promise<void> {
    // Then it is kept to its end, and others may lack the room.
    await this.#options.index.endLeft(pins).catch(() => undefined)
  }

  /** Where clients are not given it there is no use in its blobs. Asked once: the end asks with patience. */
  async refuseEarly(image: Image): Promise<void> {
    const { repository } = image.wanted
    if (image.digest === undefined) return
    const key = repositoryKey(repository)
    const looked = this.#early.get(key) ?? this.#lookEarly(repository, image.digest)
    this.#early.set(key, looked)
    if ((await looked) === 'refused') throw refused(image)
  }

  async #lookEarly(repository: Repository, digest: Digest): Promise<Settled> {
    const { mirror, ending, registries } = this.#context
    const key = repositoryKey(repository)
    const look = async (): Promise<Settled> => {
      if (await mirror.isServed(repository)) return 'served'
      const turn = () => registries.of(repository.registry).turn(ending.signal)
      return await mirror.settleVisibility(repository, digest, turn)
    }
    const found = await unlessEnded(look(), ending.signal).catch(() => undefined)
    if (found === undefined) return 'unknown'
    // Another image may tell.
    if (found === 'unknown') this.#early.delete(key)
    else this.#settled.set(key, Promise.resolve(found))
    return found
  }

  /** Who may read a repository is found out while upstream can be asked, by a manifest that is stored. */
  #settle(image: Image): Promise<Settled> {
    const key = repositoryKey(image.wanted.repository)
    const known = this.#settled.get(key)
    if (known) return known
    const settled = this.#find(image)
    this.#settled.set(key, settled)
    // The end of another image may find out.
    const forget = (): void => void this.#settled.delete(key)
    settled.then((found) => void (found === 'unknown' && forget()), forget)
    return settled
  }

  async #find({ wanted: { repository }, registry, digest }: Image): Promise<Settled> {
    const { mirror, ending, registries } = this.#context
    // Mostly it is known, and what is known waits for no pause.
    if (await mirror.isServed(repository)) return 'served'
    if (digest === undefined) return 'unknown'
    const look = ({ turn }: Sending): Promise<Settled> =>
      unlessEnded(mirror.settleVisibility(repository, digest, turn), ending.signal)
    return await registries.of(registry).askIfNeeded('visibility', look, ending.signal)
  }
}

function refused({ wanted: { repository } }: Image): Lacking {
  const { registry, name } = repository
  const because = `${registry}/${name} is private, and clients are not given it`
  return new Lacking('unauthorized', because, `allow it with --private ${registry}=${name}`)
}

/** Of what may be waited for the error itself: such an image is not given up. */
function undecided({ wanted: { repository }, registry }: Image, error?: Error): Error {
  const what = `who may read ${repositoryKey(repository)} could not be found out`
  if (error === undefined) return new Lacking('other', what, 'run it again later')
  if (!(error instanceof UpstreamError)) return error
  const { cause, because, remedy } = whyOf(error, registry)
  return new Lacking(cause, `${what}: ${because}`, remedy)
}

function vanished({ missingManifests, missingBlobs }: Holding): Lacking {
  const count = missingManifests.length + missingBlobs.length
  const because = `${count} of its parts were stored and made room for others, twice`
  return new Lacking('room', because, 'give the store more room: --max-size, or a larger disk')
}
