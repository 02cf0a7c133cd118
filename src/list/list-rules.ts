// What a list says beyond its lines: for the tags of a repository, and for the names of registries.

import type { Repository } from '../oci/name.ts'
import { AccessRules } from './access-rules.ts'
import { tagsOfBlock } from './access-tags.ts'
import type { ParsedList, RegistryRule } from './list-entry.ts'
import type { Naming } from './name-pattern.ts'
import { compileExcludes } from './select-tags.ts'
import type { TagRules } from './select-tags.ts'

export class ListRules {
  readonly unaliased: (name: string) => string
  readonly #blocks: AccessRules
  readonly #isExcluded: TagRules['isExcluded']

  constructor({ blocks, excludes, registries }: ParsedList, naming: Naming) {
    this.unaliased = unaliasing(registries)
    this.#blocks = new AccessRules((name) => naming(this.unaliased(name)))
    for (const block of blocks) this.#blocks.add(block.name, () => tagsOfBlock(block))
    this.#isExcluded = compileExcludes(excludes)
  }

  of(repository: Repository): TagRules {
    const against = this.#blocks.of(repository)
    return {
      isExcluded: this.#isExcluded,
      isBlocked: (tag) =>
        against.some((rule) => rule === 'every tag' || (tag !== undefined && rule(tag))),
    }
  }
}

/** A name → with that of the registry for which the list has another: `@registry HOST alias=...`. */
export function unaliasing(
  registries: readonly Pick<RegistryRule, 'host' | 'aliases'>[],
): (name: string) => string {
  const hosts = new Map(
    registries.flatMap(({ host, aliases }) =>
      aliases.map((alias) => [alias.toLowerCase(), host] as const),
    ),
  )
  return (name) => {
    const slash = name.indexOf('/')
    const host = slash < 0 ? undefined : hosts.get(name.slice(0, slash).toLowerCase())
    return host === undefined ? name : host + name.slice(slash)
  }
}
