// The rules for a repository among thousands: names are looked up, and only those patterns are tried
// that stand for a place the repository is in.

import { repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { isNamePattern, readNamePattern } from './name-pattern.ts'
import type { NamePattern, Naming } from './name-pattern.ts'

/** Which tags of the repository a line means. */
export type AccessRule = 'every tag' | ((tag: Tag) => boolean)

/** Made ready when a repository is first asked for that it is for: that takes longer than all else. */
type Ready = () => AccessRule

interface PatternRule {
  readonly pattern: NamePattern
  readonly rule: Ready
}

export class AccessRules {
  readonly #naming: Naming
  readonly #named = new Map<string, Ready[]>()
  /** By registry and the components before the first `*`: `ghcr.io/org/`. */
  readonly #patterns = new Map<string, PatternRule[]>()

  constructor(naming: Naming) {
    this.#naming = naming
  }

  /** `name` as typed; where it means nothing that is served there is nothing to rule. */
  add(name: string, make: Ready): void {
    const rule = once(make)
    if (!isNamePattern(name)) {
      const canonical = this.#naming(name)
      if ('refused' in canonical) return
      addTo(this.#named, `${canonical.registry}/${canonical.name}`, rule)
      return
    }
    const pattern = readNamePattern(name, this.#naming)
    if ('refused' in pattern) return
    const { registry, prefix } = pattern
    const place = `${registry}/${prefix.slice(0, prefix.lastIndexOf('/') + 1)}`
    addTo(this.#patterns, place, { pattern, rule })
  }

  of(repository: Repository): readonly AccessRule[] {
    const key = repositoryKey(repository)
    const rules = (this.#named.get(key) ?? []).map((rule) => rule())
    // A registry holds no "/", so its own place is the first.
    for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      for (const { pattern, rule } of this.#patterns.get(key.slice(0, slash + 1)) ?? []) {
        if (pattern.matches(repository.name)) rules.push(rule())
      }
    }
    return rules
  }
}

function once(make: Ready): Ready {
  let made: AccessRule | undefined
  return () => (made ??= make())
}

function addTo<T>(all: Map<string, T[]>, key: string, value: T): void {
  const there = all.get(key)
  if (there === undefined) all.set(key, [value])
  else there.push(value)
}
