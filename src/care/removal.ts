// `rm`: the images that somebody names, by name or by pattern.

import picomatch from 'picomatch'
import { nearest } from '../lib/nearest.ts'
import { imageName, parseReference, parseRepositoryName, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { HeldImage, ImageSelection, IndexReader } from '../store/reader-port.ts'
import { pagesOf } from './images.ts'
import type { Jobs, RmAnswer } from './jobs.ts'
import { typedImage } from './typed-names.ts'

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
  /** Where one was typed. */
  readonly digest: Named | undefined
}

interface Named {
  readonly repository: Repository
  readonly reference: Reference
}

type Removed = RmAnswer['removed'][number]

const PATTERN_SIGNS = /[*?[\]{}()!]/
/** Stands for a component that is a pattern while the name is resolved; no registry is called so. */
const PLACEHOLDER = 'regmirror-rm-pattern-'

export function rmJob(options: RmOptions): Jobs['rm'] {
  const { reader, resolve } = options
  return async ({ references }, { signal, progress }) => {
    const removed: Removed[] = []
    const unknown: RmAnswer['unknown'][number][] = []
    const held = await reader.registries()
    for (const typed of references) {
      const wanted = wantedBy(typed, (name) => resolve(name) ?? heldRepository(name, held))
      const before = removed.length
      for await (const gone of wanted ? removals(wanted, options) : []) {
        removed.push(gone)
        progress({ what: 'removing', done: removed.length, total: undefined, unit: 'images' })
        if (signal.aborted) return { removed, unknown }
      }
      if (removed.length > before) continue
      unknown.push({ reference: typed, suggestion: wanted && (await suggestion(wanted, reader)) })
    }
    return { removed, unknown }
  }
}

async function* removals(wanted: Wanted, { reader, remove }: RmOptions): AsyncGenerator<Removed> {
  const images: readonly Named[] = await imagesOf(reader, wanted)
  // One platform of an index has no row of its own; by its digest it can be removed all the same.
  const named = images.length === 0 && wanted.digest ? [wanted.digest] : images
  for (const { repository, reference } of named) {
    const gone = await remove(repository, reference)
    if (!gone) continue
    yield { reference: imageName(repository, reference), freedBytes: gone.freedBytes }
  }
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
  const parts = repository.name.split('/').map((part) => patterns.get(part) ?? part)
  const pattern = parts.join('/')
  const isPattern = patterns.size > 0
  const matchesName = isPattern ? picomatch(pattern) : undefined
  const matchesTag = picomatch(tag ?? (isPattern ? '*' : 'latest'), { dot: true })
  const literal = pattern.slice(0, pattern.search(PATTERN_SIGNS))
  const reference = digest === undefined ? undefined : parseReference(digest)
  return {
    repository,
    tag,
    isPattern,
    digest: reference && { repository, reference },
    selection: {
      registry,
      name: isPattern ? { startsWith: literal } : { is: repository.name },
      tagStartsWith: undefined,
      digestStartsWith: digest,
    },
    matches: (image) => {
      if (matchesName && !matchesName(image.name)) return false
      if (digest !== undefined) return image.digest === digest
      // A pattern of names without a tag means all of what they hold.
      if (image.tag === undefined) return isPattern && tag === undefined
      return matchesTag(image.tag)
    },
  }
}

/** Of a registry that was taken out of the configuration; what it left can still be removed. */
function heldRepository(typed: string, held: readonly string[]): Repository | undefined {
  const slash = typed.indexOf('/')
  const registry = typed.slice(0, Math.max(0, slash))
  const name = parseRepositoryName(typed.slice(slash + 1))
  return name && held.includes(registry) ? { registry, name } : undefined
}

async function imagesOf(reader: IndexReader, { selection, matches }: Wanted): Promise<Named[]> {
  const found: Named[] = []
  for await (const page of pagesOf(reader, selection)) {
    for (const { registry, name, tag, digest } of page.filter(matches)) {
      found.push({ repository: { registry, name }, reference: tag ? { tag } : { digest } })
    }
  }
  return found
}

/** Another tag of what is held of the repository, or another repository of the registry. */
async function suggestion(wanted: Wanted, reader: IndexReader): Promise<string | undefined> {
  const { repository, tag = 'latest', isPattern, selection } = wanted
  if (isPattern || wanted.digest) return undefined
  const { registry, name } = repository
  const tags: Tag[] = []
  for await (const page of pagesOf(reader, selection)) {
    tags.push(...page.flatMap((image) => image.tag ?? []))
  }
  const [only] = tags
  const near = nearest(tag, tags) ?? (tags.length === 1 ? only : undefined)
  if (near !== undefined) return `${repositoryKey(repository)}:${near}`
  const like = tags.length > 0 ? name : await reader.likeliestRepository(registry, name)
  return like === undefined ? undefined : `${registry}/${like}`
}
