// What `_catalog` tells: repositories of which something is held, as this mirror's clients call them. Pure.

import type { RepositoryName } from '../oci/name.ts'
import type { Addressing } from './target.ts'

/** Names in byte order; with `registry` its own, as clients who have chosen it already call them. */
export function catalogNames(
  held: readonly { readonly registry: string; readonly name: RepositoryName }[],
  registry: string | undefined,
  addressing: Addressing,
): string[] {
  const { registries, defaultRegistry, pathAliases } = addressing
  const prefixes = new Map(Array.from(pathAliases, ([alias, name]) => [name, alias]))
  const prefixOf = (name: string): string =>
    registry !== undefined || name === defaultRegistry ? '' : `${prefixes.get(name) ?? name}/`
  return held
    .filter(({ registry: each }) => registries.has(each) && each === (registry ?? each))
    .map(({ registry: each, name }) => `${prefixOf(each)}${name}`)
    .toSorted()
}
