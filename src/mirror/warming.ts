// What filling the cache ahead of time is done with (warm-port.ts), out of the same parts that pulls use.

import { StoreError } from '../errors.ts'
import { nearest } from '../lib/nearest.ts'
import { isForeignLayer } from '../oci/media-type.ts'
import { imageName } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { Blobs } from './blobs.ts'
import type { Manifests } from './manifests.ts'
import type { Pace } from './pace.ts'
import type { TagLists } from './tag-lists.ts'
import type { Tags } from './tags.ts'
import { targetNamed } from './target.ts'
import type { Addressing } from './target.ts'
import type { Visibility } from './visibility.ts'
import type { WarmMirror } from './warm-port.ts'

export interface WarmingParts {
  readonly addressing: Addressing
  readonly upstreams: Upstreams
  readonly tags: Tags
  readonly tagLists: TagLists
  readonly manifests: Manifests
  readonly blobs: Blobs
  readonly visibility: Visibility
  readonly index: Index
  readonly pace: Pace
}

function hintOf(name: string, { addressing }: WarmingParts): string {
  const known = [...addressing.registries.keys(), ...addressing.aliases.keys()]
  const near = nearest(name.split('/', 1)[0] ?? name, known)
  return near === undefined ? '' : `, or did you mean ${near}?`
}

export function warming(parts: WarmingParts): WarmMirror {
  const { tags, manifests, blobs, pace } = parts

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

  return {
    repository: (name) => {
      const target = targetNamed(name, parts.addressing)
      if ('repository' in target) return target.repository
      const { refused, message } = target
      return { refused: refused === 'name-unknown' ? message + hintOf(name, parts) : message }
    },
    head: (repository, tag) => tags.head(repository, tag),
    tags: (repository) => parts.tagLists.current(repository),
    knownTag: async (repository, tag) => (await parts.index.findTag(repository, tag))?.digest,
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
    settleVisibility: (repository, digest) => parts.visibility.settle(repository, digest),
    quota: (registry) => parts.upstreams.registry(registry).status().quota,
    limitBandwidth: (bytesPerSecond) => pace.limit(bytesPerSecond),
    get isYielding() {
      return pace.isYielding
    },
  }
}
