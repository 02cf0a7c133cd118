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
    damaged(digest, found) {
      log.error(`${digest} is damaged (${found}): moved to quarantine`, { digest })
    },
  }
}
