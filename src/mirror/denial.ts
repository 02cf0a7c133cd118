// Why something is not to be had of this mirror, where its operator's lists leave it out.

import type { Access } from '../list/access.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'

/** A sentence; undefined: they do not leave it out. Without a tag: the repository, and all that is asked by digest. */
export function denialOf(
  access: Access | undefined,
  repository: Repository,
  tag: Tag | undefined,
): string | undefined {
  if (access === undefined) return undefined
  const name = repositoryKey(repository)
  const image = tag === undefined ? name : imageName(repository, { tag })
  switch (access.verdict(repository, tag)) {
    case 'unlisted':
      return `${name} is not on this mirror's allow list: ask whoever runs the mirror to add it`
    case 'unlisted-tag':
      return (
        `${image} is not on this mirror's allow list, which has other tags of ${name}: ask whoever ` +
        `runs the mirror to add it`
      )
    case 'blocked':
      return `${name} is blocked on this mirror: ask whoever runs the mirror why`
    case 'blocked-tag':
      return `${image} is blocked on this mirror: ask whoever runs the mirror why`
    default:
      return undefined
  }
}
