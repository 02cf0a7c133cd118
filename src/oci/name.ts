// Names of repositories and tags, by the grammar of the distribution-spec ("Pulling manifests").

import { parseDigest } from './digest.ts'
import type { Digest } from './digest.ts'

declare const brand: unique symbol

export type RepositoryName = string & { readonly [brand]: 'RepositoryName' }
export type Tag = string & { readonly [brand]: 'Tag' }

/** A repository of one registry: what visibility and tags belong to. */
export interface Repository {
  /** The registry's canonical name as people type it: `docker.io`, `10.0.0.5:5000`. */
  readonly registry: string
  readonly name: RepositoryName
}

/** What `manifests/<reference>` can hold. */
export type Reference = { readonly tag: Tag } | { readonly digest: Digest }

/** Many clients limit host, slash and name to 255 bytes together; the name alone is held to it here. */
const NAME_LENGTH_MAX = 255

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= NAME_LENGTH_MAX && NAME.test(text) ? (text as RepositoryName) : undefined
}

export function parseTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined
}

/** A tag can hold no colon and a digest always does, so the two never overlap. */
export function parseReference(text: string): Reference | undefined {
  if (text.includes(':')) {
    const digest = parseDigest(text)
    return digest && { digest }
  }
  const tag = parseTag(text)
  return tag && { tag }
}

export function referenceText(reference: Reference): string {
  return 'tag' in reference ? reference.tag : reference.digest
}

/** `docker.io/library/nginx:1.27`, as people write it. */
export function imageName(repository: Repository, reference: Reference): string {
  const separator = 'tag' in reference ? ':' : '@'
  return `${repository.registry}/${repository.name}${separator}${referenceText(reference)}`
}

/** One string for a repository, for maps and logs. */
export function repositoryKey(repository: Repository): string {
  return `${repository.registry}/${repository.name}`
}

export function isSameRepository(one: Repository, other: Repository): boolean {
  return repositoryKey(one) === repositoryKey(other)
}
