// What `_catalog` tells: repositories of which something is held, as this mirror's clients call them,
// read page by page: there may be a hundred thousand of them.

import type { Repository } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Addressing } from './target.ts'

/** Few enough that no pull waits long for the index meanwhile. */
const SLICE_MAX = 1000

/** A registry whose repositories are told, and what their names begin with. */
export interface CatalogPlace {
  readonly registry: string
  readonly prefix: string
}

/** At most `n` names, those that come after `last`. */
export interface CatalogPage {
  readonly n: number
  readonly last: string
}

export interface CatalogNames {
  /** In byte order. */
  readonly names: readonly string[]
  readonly hasMore: boolean
}

type HeldRepository = Awaited<ReturnType<Index['heldRepositories']>>[number]

export interface CatalogSource {
  readonly held: Index['heldRepositories']
  readonly isListed: (repository: HeldRepository) => boolean
}

/** With `registry` its own names alone, as clients who have chosen it already call them. */
export function catalogPlaces(
  registry: string | undefined,
  { registries, defaultRegistry, pathAliases }: Addressing,
): readonly CatalogPlace[] {
  if (registry !== undefined) return registries.has(registry) ? [{ registry, prefix: '' }] : []
  const aliases = new Map(Array.from(pathAliases, ([alias, name]) => [name, alias]))
  return Array.from(registries.keys(), (name) => ({
    registry: name,
    prefix: name === defaultRegistry ? '' : `${aliases.get(name) ?? name}/`,
  }))
}

/** No name of one registry is missed as long as each has given as many as the page takes. */
export async function catalogNames(
  places: readonly CatalogPlace[],
  { n, last }: CatalogPage,
  source: CatalogSource,
): Promise<CatalogNames> {
  if (n === 0) return { names: [], hasMore: false }
  const found = await Promise.all(places.map((place) => namesOf(place, n + 1, last, source)))
  const names = found.flat().toSorted()
  return { names: names.slice(0, n), hasMore: names.length > n }
}

async function namesOf(
  { registry, prefix }: CatalogPlace,
  count: number,
  last: string,
  { held, isListed }: CatalogSource,
): Promise<string[]> {
  const names: string[] = []
  let after = startWithin(prefix, last)
  while (after !== undefined && names.length < count) {
    const limit = Math.min(SLICE_MAX, count - names.length)
    const slice: readonly Repository[] = await held(registry, after, limit).then((all) => {
      names.push(...all.filter(isListed).map(({ name }) => prefix + name))
      return all
    })
    after = slice.length < limit ? undefined : slice.at(-1)?.name
  }
  return names
}

/** After which of the names that follow the prefix the page begins; undefined: after all of them. */
function startWithin(prefix: string, last: string): string | undefined {
  if (last.startsWith(prefix)) return last.slice(prefix.length)
  return last < prefix ? '' : undefined
}
