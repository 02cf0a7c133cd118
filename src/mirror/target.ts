// Which registry and repository a request means. Pure.

import { parseRepositoryName } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'

export interface Addressing {
  /** By canonical name: all that may be asked. */
  readonly registries: ReadonlyMap<string, unknown>
  /** Other names of a registry, to its canonical name. */
  readonly aliases: ReadonlyMap<string, string>
  /** First components that stand for a registry without looking like a host, to its canonical name. */
  readonly pathAliases: ReadonlyMap<string, string>
  readonly defaultRegistry: string
}

export interface Asked {
  /** The repository name as it stands in the path. */
  readonly name: string
  /** The `ns` parameter, where containerd and its kin send one. */
  readonly ns: string | undefined
}

/**
 * - `name-unknown`: a registry this mirror does not serve; clients then go to the origin
 * - `name-invalid`: no repository can be called this
 */
export type Target =
  | { readonly repository: Repository; readonly nsUsed: boolean }
  | { readonly refused: 'name-unknown' | 'name-invalid'; readonly message: string }

/**
 * A first component that looks like a host (or is a configured alias) wins over `ns`: containerd with
 * a path in its mirror URL sends both. Docker Hub's own names never look like a host.
 */
export function resolveTarget(asked: Asked, addressing: Addressing): Target {
  const { prefix, rest } = splitPrefix(asked, addressing)
  const called = prefix ?? asked.ns?.toLowerCase() ?? addressing.defaultRegistry
  const registry =
    (prefix === undefined ? undefined : addressing.pathAliases.get(prefix)) ??
    addressing.aliases.get(called) ??
    called
  if (!addressing.registries.has(registry)) {
    const message =
      `this mirror does not serve the registry ${printable(called)}: its operator can add it ` +
      `with --registry NAME=URL`
    return { refused: 'name-unknown', message }
  }
  const name = parseRepositoryName(withLibrary(registry, rest))
  if (!name) {
    return { refused: 'name-invalid', message: `${printable(rest)} is not a repository name` }
  }
  return { repository: { registry, name }, nsUsed: prefix === undefined && asked.ns !== undefined }
}

function splitPrefix(
  { name, ns }: Asked,
  { registries, aliases, pathAliases }: Addressing,
): { prefix: string | undefined; rest: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(0, slash)).toLowerCase()
  const isKnown = registries.has(first) || aliases.has(first)
  // Beside an `ns` an unknown first component is the repository's own: GitLab's groups have dots.
  const isRegistry = looksLikeHost(first) && (isKnown || ns === undefined)
  return slash > 0 && (isRegistry || pathAliases.has(first))
    ? { prefix: first, rest: name.slice(slash + 1) }
    : { prefix: undefined, rest: name }
}

function looksLikeHost(component: string): boolean {
  return component.includes('.') || component.includes(':') || component === 'localhost'
}

/** Docker Hub answers 401 for a bare official name. */
function withLibrary(registry: string, name: string): string {
  return registry === 'docker.io' && !name.includes('/') ? `library/${name}` : name
}

/** What a client sent, fit for a message. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
