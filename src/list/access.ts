// What may be had of the mirror, as its operator's lists say: what an allow list names, without what a
// block list names. What only says how to warm, as newest= and @exclude do, does not count.

import type { Repository, Tag } from '../oci/name.ts'
import { AccessRules } from './access-rules.ts'
import type { AccessRule } from './access-rules.ts'
import { tagsOfBlock, tagsOfEntry } from './access-tags.ts'
import type { ParsedList } from './list-entry.ts'
import { unaliasing } from './list-rules.ts'
import type { Naming } from './name-pattern.ts'
import type { Steps } from './steps.ts'

/** `unlisted`: on no line of the allow list. */
export type Verdict = 'allowed' | 'unlisted' | 'unlisted-tag' | 'blocked' | 'blocked-tag'

export interface Access {
  /** Without a tag: of the repository, and of what is asked of it by digest. */
  verdict(repository: Repository, tag: Tag | undefined): Verdict
}

export interface AccessLists {
  /** Undefined: everything that is not blocked. */
  readonly allow: ParsedList | undefined
  readonly block: ParsedList | undefined
}

/** Clients look for signatures under these tags; what is allowed by digest is allowed with them. */
const OF_A_DIGEST = /^sha(?:256|512)-[0-9a-f]{64}(?:\.[a-z]+)?$/

/** Line by line; those for registries that the mirror does not serve count for nothing. */
export function* creatingAccess({ allow, block }: AccessLists, naming: Naming): Steps<Access> {
  const inAllow = allow && namingIn(allow, naming)
  const allowed = inAllow && (yield* ruling(allow.entries, tagsOfEntry, inAllow))
  const notAllowed = inAllow && (yield* ruling(allow.blocks, tagsOfBlock, inAllow))
  const blocked = block && (yield* ruling(block.entries, tagsOfEntry, namingIn(block, naming)))
  return {
    verdict: (repository, tag) => {
      const against = [...(notAllowed?.of(repository) ?? []), ...(blocked?.of(repository) ?? [])]
      if (against.some((rule) => rule === 'every tag')) return 'blocked'
      if (tag !== undefined && means(against, tag)) return 'blocked-tag'
      const listed = allowed?.of(repository)
      if (listed === undefined) return 'allowed'
      if (listed.length === 0) return 'unlisted'
      const isListed = tag === undefined || OF_A_DIGEST.test(tag) || means(listed, tag)
      return isListed ? 'allowed' : 'unlisted-tag'
    },
  }
}

/** A list may have names of its own for registries: `@registry HOST alias=...`. */
export function namingIn({ registries }: ParsedList, naming: Naming): Naming {
  const unaliased = unaliasing(registries)
  return (name) => naming(unaliased(name))
}

function* ruling<T extends { readonly name: string }>(
  lines: readonly T[],
  tagsOf: (line: T) => AccessRule,
  naming: Naming,
): Steps<AccessRules> {
  const rules = new AccessRules(naming)
  for (const line of lines) {
    rules.add(line.name, () => tagsOf(line))
    yield
  }
  return rules
}

function means(rules: readonly AccessRule[], tag: Tag): boolean {
  return rules.some((rule) => rule === 'every tag' || rule(tag))
}
