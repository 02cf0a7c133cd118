// The manifests of an image: what upstream counts as pulls, and what tells the blobs.

import { repositoryKey } from '../oci/name.ts'
import type { Reference } from '../oci/name.ts'
import type { HeldManifest } from '../store/index-port.ts'
import { Lacking } from './causes.ts'
import { registryOf, unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import { holdingOf } from './holding.ts'
import type { Image } from './image.ts'
import { goneChild, noSuchDigest, noSuchTag, noteLacking } from './lacks.ts'
import { wantsAttestations } from './referring.ts'
import { MoreThanPlanned } from './registry-state.ts'

/** Registries refuse these before they count; of what got no answer at all nobody knows. */
const BEFORE_IT_COUNTS: readonly UpstreamErrorKind[] = [
  'rate-limited',
  'set-aside',
  'not-visible',
  'unauthorized',
  'offline',
]

/** Each brings what the manifests of the one before list. */
const ROUNDS_MAX = 6

export class ManifestFetching {
  readonly #context: RunContext
  readonly #running = new Map<string, Promise<HeldManifest | undefined>>()

  constructor(context: RunContext) {
    this.#context = context
  }

  /** All that the wanted platforms need; `image.holding` then tells the blobs. */
  async fetch(image: Image): Promise<void> {
    const needed = new Set<string>(image.digest === undefined ? [image.wanted.name] : [])
    await this.#follow(image)
    for (let round = 1; ; round += 1) {
      const { top } = image
      if (!top) throw noSuchTag(image.wanted.name)
      const { mirror } = this.#context
      const { repository, platforms, referrers } = image.wanted
      const withAttestations = wantsAttestations(referrers)
      image.holding = await holdingOf(mirror, repository, top, platforms, withAttestations)
      const missing = image.holding.missingManifests
      if (missing.length === 0) break
      if (round > ROUNDS_MAX) throw new Lacking('other', 'its manifests were stored and are gone')
      for (const { digest } of missing) needed.add(digest)
      const { isCounted } = registryOf(this.#context, image)
      if (isCounted && needed.size > image.plannedPulls) throw new MoreThanPlanned()
      for (const { digest } of missing) {
        if (digest !== top.digest) {
          if (!(await this.#get(image, { digest }))) throw goneChild(digest)
          continue
        }
        await this.#fetchTop(image)
        // What is gone is not counted.
        if (image.digest !== digest) needed.delete(digest)
      }
    }
    noteLacking(image)
  }

  /** A pull that saw the tag move since the plan knows better. */
  async #follow(image: Image): Promise<void> {
    const { repository, reference, pinned } = image.wanted
    if (!('tag' in reference) || pinned !== undefined) return
    if (image.digest === undefined) {
      image.digest = (await this.#get(image, reference))?.digest
      return
    }
    const now = await this.#context.mirror.knownTag(repository, reference.tag)
    if (now !== undefined) image.digest = now.digest
  }

  /** Where upstream no longer has what its tag pointed to, the tag has moved on. */
  async #fetchTop(image: Image): Promise<void> {
    const { repository, reference, pinned, name } = image.wanted
    const { digest } = image
    if (digest === undefined || (await this.#get(image, { digest }))) return
    if (!('tag' in reference) || pinned !== undefined) throw noSuchDigest(name)
    const { mirror, ending } = this.#context
    const head = await registryOf(this.#context, image).ask(
      'heads',
      () => unlessEnded(mirror.head(repository, reference.tag), ending.signal),
      ending.signal,
    )
    if (!head || head.digest === digest) {
      throw new Lacking('not-found', `upstream has no manifest for ${name}, although it lists it`)
    }
    image.digest = head.digest ?? (await this.#get(image, reference))?.digest
  }

  #get(image: Image, reference: Reference): Promise<HeldManifest | undefined> {
    const { repository } = image.wanted
    const what = 'tag' in reference ? `:${reference.tag}` : `@${reference.digest}`
    const key = repositoryKey(repository) + what
    const running = this.#running.get(key)
    if (running) return running
    const { signal } = this.#context.ending
    const fetched = registryOf(this.#context, image)
      .askIfNeeded(
        'manifests',
        ({ turn }) => this.#pull(image, reference, turn),
        signal,
        (tries) => (image.tries = Math.max(image.tries, tries)),
      )
      .finally(() => this.#running.delete(key))
    this.#running.set(key, fetched)
    return fetched
  }

  /** Where no pull is left nobody waits for a turn only to hear so. */
  async #pull(
    image: Image,
    reference: Reference,
    turn: () => Promise<void>,
  ): Promise<HeldManifest | undefined> {
    const { mirror, ending, board } = this.#context
    const registry = registryOf(this.#context, image)
    while (registry.firstPull) await registry.firstPull
    const pull = registry.beginPull()
    let wasAsked = false
    let mayCount = false
    let hasArrived = false
    try {
      await turn()
      mayCount = wasAsked = true
      const found = await unlessEnded(
        mirror.manifest(image.wanted.repository, reference),
        ending.signal,
      )
      mayCount = wasAsked = found?.asked ?? true
      hasArrived = found?.asked ?? false
      if (found && wasAsked) board.arrived(image, found.manifest.bytes.length)
      return found?.manifest
    } catch (error) {
      if (wasAsked && error instanceof UpstreamError) {
        mayCount = !BEFORE_IT_COUNTS.includes(error.kind)
        wasAsked = error.kind === 'bad-response'
      }
      throw error
    } finally {
      pull.end({ wasAsked: mayCount, hasArrived })
      if (wasAsked) registry.pulls += 1
    }
  }
}
