// What may be had of the mirror, as its operator's lists say: what an allow list names, without what a
// block list names. What only says how to warm, as newest= and @exclude do, does not count.

import type { Repository, Tag } from '../oci/name.ts'
import { AccessRules } from './access-rules.ts'
import type { AccessRule } from './access-rules.ts'
import { tagsOfBlock, tagsOfEntry } from './access-tags.ts'
import type { ParsedList } from './list-entry.ts'
import { ListRules } from './list-rules.ts'
import type { Naming } from './name-pattern.ts'

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

/** Lines for registries that the mirror does not serve count for nothing. */
export function createAccess({ allow, block }: AccessLists, naming: Naming): Access {
  const allowed = allow && new AccessRules(namingIn(allow, naming))
  const notAllowed = allow && new AccessRules(namingIn(allow, naming))
  const blocked = block && new AccessRules(namingIn(block, naming))
  for (const entry of allow?.entries ?? []) allowed?.add(entry.name, tagsOfEntry(entry))
  for (const each of allow?.blocks ?? []) notAllowed?.add(each.name, tagsOfBlock(each))
  for (const entry of block?.entries ?? []) blocked?.add(entry.name, tagsOfEntry(entry))
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
function namingIn(list: ParsedList, naming: Naming): Naming {
  const rules = new ListRules(list, naming)
  return (name) => naming(rules.unaliased(name))
}

function means(rules: readonly AccessRule[], tag: Tag): boolean {
  return rules.some((rule) => rule === 'every tag' || rule(tag))
}
