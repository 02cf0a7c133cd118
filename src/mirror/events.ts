// What happened, one function per event, for the log. Nothing is decided here.

import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Logger } from '../lib/log.ts'
import type { FillEnd } from './fill.ts'

export interface MirrorEvents {
  /** A download is over. */
  filled(repository: Repository, digest: Digest, fetchedBytes: number, end: FillEnd): void
  /** Upstream called a tag's manifest by a digest that its bytes do not have; the bytes counted. */
  misnamed(repository: Repository, tag: Tag, told: Digest, found: Digest): void
  /** What upstream said of a tag could not be used or kept. */
  unrefreshed(repository: Repository, tag: Tag, because: string): void
  /** A manifest was served but not stored. */
  unrecorded(repository: Repository, digest: Digest, because: string): void
  /** Upstream has more tags than are listed, and these are the first of them. */
  listCut(repository: Repository, count: number): void
  /** A list was served but not stored. */
  listUnrecorded(repository: Repository, list: 'tags' | 'referrers', because: string): void
  /** Since now anybody may read the repository, or since now only a login may. */
  turned(repository: Repository, isPublic: boolean): void
  /** Stored content failed a check and was taken out of service. */
  damaged(digest: Digest, found: string): void
}

export function logMirrorEvents(log: Logger): MirrorEvents {
  return {
    filled(repository, digest, fetchedBytes, end) {
      const name = imageName(repository, { digest })
      const fields = { repository: repositoryKey(repository), digest, fetchedBytes, how: end.how }
      if (end.how === 'failed') {
        log.warn(`${name} could not be fetched: ${end.error.message}`, fields)
      } else if (end.how === 'unstored') {
        log.error(`${name} was served but not stored: ${end.error.message}`, fields)
      } else {
        log.debug(`${name} ${end.how}`, fields)
      }
    },
    misnamed(repository, tag, told, found) {
      const name = imageName(repository, { tag })
      log.warn(`${name}: upstream said ${told}, and sent ${found}`, { image: name, told, found })
    },
    unrefreshed(repository, tag, because) {
      const name = imageName(repository, { tag })
      log.error(`${name} could not be brought up to date: ${because}`, { image: name, because })
    },
    unrecorded(repository, digest, because) {
      const name = imageName(repository, { digest })
      log.error(`${name} was served but not stored: ${because}`, { image: name, because })
    },
    listCut(repository, count) {
      const name = repositoryKey(repository)
      log.warn(`${name} has more tags than the ${count} that were listed`, { image: name, count })
    },
    listUnrecorded(repository, list, because) {
      const name = repositoryKey(repository)
      log.error(`the ${list} of ${name} were served but not stored: ${because}`, { image: name })
    },
    turned(repository, isPublic) {
      const name = repositoryKey(repository)
      const can = isPublic ? 'can be' : 'can no longer be'
      log.info(`${name} ${can} read without a login`, { repository: name, isPublic })
    },
    damaged(digest, found) {
      log.error(`${digest} is damaged (${found}): moved to quarantine`, { digest })
    },
  }
}
