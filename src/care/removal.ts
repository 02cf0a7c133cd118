// `rm`: the images that somebody names, by name or by pattern.

import picomatch from 'picomatch'
import { byNearness } from '../lib/nearest.ts'
import { imageName, parseReference, parseRepositoryName } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import type { HeldImage, ImageSelection, IndexReader } from '../store/reader-port.ts'
import { pagesOf } from './images.ts'
import type { Jobs, RmAnswer, UnknownImage } from './jobs.ts'
import { OFFICIAL, typedImage } from './typed-names.ts'

export interface RmOptions {
  readonly reader: IndexReader
  /** Which repository a name means, by the rules that requests go by; undefined where it means none. */
  resolve(name: string): Repository | undefined
  /** Removes a tag or a manifest, and what nothing else uses then. Undefined where it is not held. */
  remove(
    repository: Repository,
    reference: Reference,
  ): Promise<{ readonly freedBytes: number } | undefined>
}

/** Something that was typed, once it is clear what it can mean. */
interface Wanted {
  readonly repository: Repository
  /** The name up to the first sign of a pattern. */
  readonly selection: ImageSelection
  readonly matches: (image: HeldImage) => boolean
  readonly tag: string | undefined
  readonly isPattern: boolean
  /** As typed, where one was: all of it or its beginning. */
  readonly digest: string | undefined
}

type Removed = RmAnswer['removed'][number]

const PATTERN_SIGNS = /[*?[\]{}()!]/
/** Stands for a component that is a pattern while the name is resolved; no registry is called so. */
const PLACEHOLDER = 'regmirror-rm-pattern-'
/** Of the tags of a repository that has not the one that was typed, and of images that may be meant. */
const NAMED_MAX = 3
const SHORT_DIGEST = /^sha\d+:[0-9a-f]{12,}$/
const TOO_SHORT_DIGEST = /^sha\d+:[0-9a-f]{0,11}$/

export function rmJob(options: RmOptions): Jobs['rm'] {
  const { reader, resolve } = options
  return async ({ references }, { signal, progress }) => {
    const removed: Removed[] = []
    const unknown: UnknownImage[] = []
    const held = await reader.registries()
    for (const typed of references) {
      const wanted = wantedBy(typed, (name) => resolve(name) ?? heldRepository(name, held))
      const images = wanted ? await imagesOf(reader, wanted) : []
      const problem = problemWith(typed, images)
      const before = removed.length
      for await (const gone of wanted && !problem ? removals(wanted, images, options) : []) {
        removed.push(gone)
        progress({ what: 'removing', done: removed.length, total: undefined, unit: 'images' })
        if (signal.aborted) return { removed, unknown }
      }
      if (removed.length > before) continue
      unknown.push(problem ?? (await absent(typed, wanted, reader)))
    }
    return { removed, unknown }
  }
}

async function* removals(
  { repository, digest }: Wanted,
  images: readonly HeldImage[],
  { remove }: RmOptions,
): AsyncGenerator<Removed> {
  const named: { repository: Repository; reference: Reference }[] = images.map((image) => ({
    repository: image,
    reference: referenceOf(image),
  }))
  const reference = digest === undefined ? undefined : parseReference(digest)
  // One platform of an index has no row of its own; by its digest it can be removed all the same.
  if (named.length === 0 && reference) named.push({ repository, reference })
  for (const { repository, reference } of named) {
    const gone = await remove(repository, reference)
    if (!gone) continue
    yield { reference: imageName(repository, reference), freedBytes: gone.freedBytes }
  }
}

/** By the beginning of a digest one image is meant, whatever its tags. */
function problemWith(typed: string, images: readonly HeldImage[]): UnknownImage | undefined {
  const { digest = '' } = typedImage(typed)
  if (TOO_SHORT_DIGEST.test(digest)) return { reference: typed, is: 'too-short', held: [] }
  const digests = new Map(images.map((image) => [image.digest, image]))
  if (!SHORT_DIGEST.test(digest) || digests.size < 2) return undefined
  const some = [...digests.values()].slice(0, NAMED_MAX)
  const held = some.map((image) => imageName(image, { digest: image.digest }))
  return { reference: typed, is: 'ambiguous', held }
}

function wantedBy(typed: string, resolve: RmOptions['resolve']): Wanted | undefined {
  const { name, tag, digest } = typedImage(typed)
  const patterns = new Map<string, string>()
  const plain = name.split('/').map((part, at) => {
    if (!PATTERN_SIGNS.test(part)) return part
    patterns.set(PLACEHOLDER + at, part)
    return PLACEHOLDER + at
  })
  const repository = resolve(plain.join('/'))
  if (!repository) return undefined
  const { registry } = repository
  const isPattern = patterns.size > 0
  const resolved = isPattern ? asTyped(repository.name, plain, name) : repository.name
  const parts = resolved.split('/').map((part) => patterns.get(part) ?? part)
  const pattern = parts.join('/')
  const matchesName = isPattern ? picomatch(pattern) : undefined
  const matchesTag = picomatch(tag ?? (isPattern ? '*' : 'latest'), { dot: true })
  const literal = pattern.slice(0, pattern.search(PATTERN_SIGNS))
  return {
    repository,
    tag,
    isPattern: PATTERN_SIGNS.test(typed),
    digest,
    selection: {
      registry,
      name: isPattern ? { startsWith: literal } : { is: repository.name },
      tagStartsWith: undefined,
      digestStartsWith: digest,
    },
    matches: (image) => {
      if (matchesName && !matchesName(image.name)) return false
      if (digest !== undefined) return image.digest.startsWith(digest)
      // A pattern of names without a tag means all of what they hold.
      if (image.tag === undefined) return isPattern && tag === undefined
      return matchesTag(image.tag)
    },
  }
}

/**
 * The namespace of Docker Hub's official images is meant only where no registry is named, as in `ngi*`;
 * `**` is in every namespace anyway.
 */
function asTyped(resolved: string, plain: readonly string[], typed: string): string {
  const isInserted = resolved.startsWith(OFFICIAL) && !plain.join('/').includes(resolved)
  return isInserted && (plain.length > 1 || typed === '**')
    ? resolved.slice(OFFICIAL.length)
    : resolved
}

/** Of a registry that was taken out of the configuration; what it left can still be removed. */
function heldRepository(typed: string, held: readonly string[]): Repository | undefined {
  const slash = typed.indexOf('/')
  const registry = typed.slice(0, Math.max(0, slash))
  const name = parseRepositoryName(typed.slice(slash + 1))
  return name && held.includes(registry) ? { registry, name } : undefined
}

async function imagesOf(
  reader: IndexReader,
  { selection, matches }: Pick<Wanted, 'selection' | 'matches'>,
): Promise<HeldImage[]> {
  const found: HeldImage[] = []
  for await (const page of pagesOf(reader, selection)) found.push(...page.filter(matches))
  return found
}

async function absent(
  reference: string,
  wanted: Wanted | undefined,
  reader: IndexReader,
): Promise<UnknownImage> {
  if (PATTERN_SIGNS.test(reference)) return { reference, is: 'unmatched', held: [] }
  const held = wanted && wanted.digest === undefined ? await perhapsMeant(wanted, reader) : []
  return { reference, is: 'not-held', held }
}

/** Other tags of the repository, else the image most like it; only what is held. */
async function perhapsMeant(wanted: Wanted, reader: IndexReader): Promise<readonly string[]> {
  const { repository, tag = 'latest', selection } = wanted
  const { registry, name } = repository
  const others = await reader.likelyRepositories(registry, name)
  for (const each of [name, ...others]) {
    const all = { selection: { ...selection, name: { is: each } }, matches: () => true }
    const images = await imagesOf(reader, all)
    const tagged = new Map<string, HeldImage>(
      images.flatMap((image) => (image.tag ? [[image.tag, image]] : [])),
    )
    const near = byNearness(tag, [...tagged.keys()]).flatMap((one) => tagged.get(one) ?? [])
    const named = near.length > 0 ? near : images
    if (named.length === 0) continue
    const some = named.slice(0, each === name ? NAMED_MAX : 1)
    return some.map((image) => imageName(image, referenceOf(image)))
  }
  return []
}

function referenceOf({ tag, digest }: HeldImage): Reference {
  return tag ? { tag } : { digest }
}
