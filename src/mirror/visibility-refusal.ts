// What clients are told of a repository that is not for them, with what its operator can do.

import { RequestError } from '../errors.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { Wanted } from './probe.ts'

export interface Refused {
  readonly repository: Repository
  readonly wanted: Wanted
  readonly finding: 'missing' | 'hidden'
  /** The registry is asked with a client certificate, whatever of it is asked for. */
  readonly isCertified: boolean
}

export function refusalOf({ repository, wanted, finding, isCertified }: Refused): RequestError {
  const { registry, name } = repository
  const remedy = isCertified
    ? `--private ${registry}=everyone, or with a list of repositories in the place of everyone`
    : `--private ${registry}=${name}`
  const because = isCertified
    ? `is asked for with a client certificate, as everything of ${registry}`
    : 'cannot be read without a login'
  const key = repositoryKey(repository)
  return refusal(
    repository,
    wanted,
    finding === 'hidden'
      ? `${key} ${because}, and this mirror keeps such repositories to itself: its operator can ` +
          `allow it with ${remedy}`
      : `${nameOf(repository, wanted)} was not found without a login: if ${key} is private, the ` +
          `operator of this mirror can allow it with ${remedy}`,
  )
}

/** The same words whether there is such a thing or not. */
function refusal({ name }: Repository, wanted: Wanted, message: string): RequestError {
  switch (wanted.kind) {
    case 'manifest': {
      const { reference } = wanted
      const detail = 'tag' in reference ? { Tag: reference.tag } : { Digest: reference.digest }
      return new RequestError('MANIFEST_UNKNOWN', message, detail)
    }
    case 'blob':
      return new RequestError('BLOB_UNKNOWN', message, { digest: wanted.digest })
    case 'tags':
    case 'referrers':
      return new RequestError('NAME_UNKNOWN', message, { name })
  }
}

/** What is wanted, for people to read. */
export function nameOf(repository: Repository, wanted: Wanted): string {
  switch (wanted.kind) {
    case 'manifest':
      return imageName(repository, wanted.reference)
    case 'blob':
      return imageName(repository, wanted)
    case 'tags':
      return repositoryKey(repository)
    case 'referrers':
      return imageName(repository, { digest: wanted.subject })
  }
}
