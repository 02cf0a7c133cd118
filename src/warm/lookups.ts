// What a plan asks of registries and of the index: each question once.

import type { ListedTags, LookedAt, TagHead, WarmMirror } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { wasAskedWithin } from './every.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Holding } from './holding.ts'
import { wantsAttestations } from './referring.ts'
import type { Wanted } from './wanted.ts'

/** A tag, before it was asked for and after. */
export interface Looked {
  readonly before: Digest | undefined
  readonly head: TagHead | undefined
}

export class Lookups {
  /** What is held; a file that was looked at for one image is not looked at again for another. */
  readonly held: Pick<WarmMirror, 'heldManifest' | 'missingBlobs'>
  readonly #context: RunContext
  readonly #heads = new Map<string, Promise<Looked>>()
  readonly #tries = new Map<string, number>()
  readonly #lists = new Map<string, Promise<ListedTags | undefined>>()
  readonly #served = new Map<string, Promise<boolean>>()

  constructor(context: RunContext) {
    this.#context = context
    const { mirror } = context
    const looked: LookedAt = new Map()
    this.held = {
      heldManifest: (...asked) => mirror.heldManifest(...asked),
      missingBlobs: (repository, blobs) => mirror.missingBlobs(repository, blobs, looked),
    }
  }

  head(repository: Repository, tag: Tag): Promise<Looked> {
    const { mirror, registries, ending } = this.#context
    const name = imageName(repository, { tag })
    return once(this.#heads, name, async () => {
      const before = await mirror.knownTag(repository, tag)
      const head = await registries.of(repository.registry).ask(
        'heads',
        () => unlessEnded(mirror.head(repository, tag), ending.signal),
        ending.signal,
        (tries) => this.#tries.set(name, tries),
      )
      return { before: before?.digest, head }
    })
  }

  triesOf(repository: Repository, tag: Tag): number {
    return this.#tries.get(imageName(repository, { tag })) ?? 1
  }

  list(repository: Repository): Promise<ListedTags | undefined> {
    const { mirror, registries, ending } = this.#context
    return once(this.#lists, repositoryKey(repository), () =>
      registries
        .of(repository.registry)
        .ask('lists', () => unlessEnded(mirror.tags(repository), ending.signal), ending.signal),
    )
  }

  /** Where that is not known, it is found out in the run, with nothing else to fetch. */
  isServed(repository: Repository): Promise<boolean> {
    return once(this.#served, repositoryKey(repository), () =>
      this.#context.mirror.isServed(repository),
    )
  }

  /** What the tag points to and of it is held, where that is whole and upstream need not be asked yet. */
  async knownWhole(
    wanted: Pick<Wanted, 'repository' | 'platforms' | 'every' | 'referrers'>,
    tag: Tag,
  ): Promise<{ readonly digest: Digest; readonly holding: Holding } | undefined> {
    const { repository, platforms, every } = wanted
    if (every === 'always') return undefined
    const { mirror, now } = this.#context
    const known = await mirror.knownTag(repository, tag)
    if (!known || !wasAskedWithin(every, known.checkedAt, now())) return undefined
    const top = { digest: known.digest, isIndex: true, sizeBytes: undefined }
    const withAttestations = wantsAttestations(wanted.referrers)
    const holding = await holdingOf(this.held, repository, top, platforms, withAttestations)
    return isWhole(holding) ? { digest: known.digest, holding } : undefined
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, start: () => Promise<T>): Promise<T> {
  const running = known.get(key) ?? start()
  known.set(key, running)
  return running
}
