// What filling the cache ahead of time is done with (warm-port.ts), out of the same parts that pulls use.

import type { Room } from '../care/room-port.ts'
import { StoreError } from '../errors.ts'
import { nearest } from '../lib/nearest.ts'
import type { Access } from '../list/access.ts'
import { isForeignLayer } from '../oci/media-type.ts'
import { imageName } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { Blobs } from './blobs.ts'
import { denialOf } from './denial.ts'
import type { Manifests } from './manifests.ts'
import type { Pace } from './pace.ts'
import type { Referrers } from './referrers.ts'
import type { TagLists } from './tag-lists.ts'
import type { Tags } from './tags.ts'
import { canonicalNamed, targetNamed } from './target.ts'
import type { Addressing } from './target.ts'
import type { Uses } from './uses.ts'
import type { Visibility } from './visibility.ts'
import type { WarmMirror } from './warm-port.ts'

/** Of one repository; far more than a line of a list takes. */
const USED_TAGS_MAX = 1000
/** Under one prefix, before the rest of a pattern is looked at. */
const USED_REPOSITORIES_MAX = 10_000

export interface WarmingParts {
  readonly addressing: Addressing
  readonly access: Access | undefined
  readonly upstreams: Upstreams
  readonly tags: Tags
  readonly tagLists: TagLists
  readonly referrers: Referrers
  readonly manifests: Manifests
  readonly blobs: Blobs
  readonly visibility: Visibility
  readonly index: Index
  readonly uses: Uses
  readonly room: Room
  readonly pace: Pace
}

function hintOf(name: string, { addressing }: WarmingParts): string {
  const known = [...addressing.registries.keys(), ...addressing.aliases.keys()]
  const near = nearest(name.split('/', 1)[0] ?? name, known)
  return near === undefined ? '' : `, or did you mean ${near}?`
}

export function warming(parts: WarmingParts): WarmMirror {
  const { tags, manifests, blobs, index, uses, pace } = parts

  const manifest: WarmMirror['manifest'] = async (repository, reference) => {
    const isTag = 'tag' in reference
    const digest = isTag ? await tags.refetch(repository, reference.tag) : reference.digest
    const found = digest && (await manifests.bring(repository, digest))
    if (!found) return undefined
    // Clients are served what cannot be recorded; of what is to stay that is a failure.
    if (!(await manifests.held(repository, found.manifest.digest))) {
      const what = imageName(repository, { digest: found.manifest.digest })
      throw new StoreError('io', `the index cannot record ${what}`)
    }
    return { manifest: found.manifest, asked: isTag || found.isFetched }
  }

  const usedRepositories: WarmMirror['usedRepositories'] = async (typed, since) => {
    const { readNamePattern } = await import('../list/name-pattern.ts')
    const pattern = readNamePattern(typed, (name) => canonicalNamed(name, parts.addressing))
    if ('refused' in pattern) return pattern
    await uses.flush()
    const { registry, prefix, matches } = pattern
    const used = await index.usedRepositories(registry, prefix, since, USED_REPOSITORIES_MAX)
    return used.filter(({ name }) => matches(name))
  }

  return {
    repository: (name) => {
      const target = targetNamed(name, parts.addressing)
      if ('repository' in target) {
        const denial = denialOf(parts.access, target.repository, undefined)
        return denial === undefined ? target.repository : { refused: denial }
      }
      const { refused, message } = target
      return { refused: refused === 'name-unknown' ? message + hintOf(name, parts) : message }
    },
    canonicalName: (name) => canonicalNamed(name, parts.addressing),
    denial: (repository, tag) => denialOf(parts.access, repository, tag),
    head: (repository, tag) => tags.head(repository, tag),
    tags: (repository) => parts.tagLists.current(repository),
    knownTag: (repository, tag) => index.findTag(repository, tag),
    usedTags: async (repository, since) => {
      await uses.flush()
      return await index.usedTags(repository, since, USED_TAGS_MAX)
    },
    usedRepositories,
    referrers: (...asked) => parts.referrers.current(...asked),
    knownReferrers: (repository, subject) => parts.referrers.known(repository, subject),
    heldManifest: async (repository, digest) =>
      (await manifests.held(repository, digest))?.manifest,
    manifest,
    missingBlobs: (repository, all, looked) =>
      blobs.storing.missing(
        repository,
        all.filter(({ mediaType }) => !isForeignLayer(mediaType)),
        looked,
      ),
    storeBlob: (repository, blob, storing) => blobs.storing.store(repository, blob, storing),
    isServed: (repository) => parts.visibility.isServed(repository),
    settleVisibility: (...asked) => parts.visibility.settle(...asked),
    quota: (registry) => parts.upstreams.registry(registry).status().quota,
    pinnable: () => parts.room.pinnable(),
    get isYielding() {
      return pace.isYielding
    },
  }
}
