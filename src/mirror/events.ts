// What happened, one function per event, for the log. Nothing is decided here.

import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Logger } from '../lib/log.ts'
import type { StoreError } from '../errors.ts'
import type { FillEnd } from './fill-options.ts'
import type { IndexTrouble } from './forgiving-index.ts'

export interface MirrorEvents extends IndexTrouble {
  /** A download is over. */
  filled(repository: Repository, digest: Digest, fetchedBytes: number, end: FillEnd): void
  /** Upstream called a tag's manifest by a digest that its bytes do not have; the bytes counted. */
  misnamed(repository: Repository, tag: Tag, told: Digest, found: Digest): void
  /** What upstream said of a tag could not be used or kept. */
  unrefreshed(repository: Repository, tag: Tag, because: string): void
  /** Upstream has more tags than are listed, and these are the first of them. */
  listCut(repository: Repository, count: number): void
  /** A list was served but not stored. */
  listUnrecorded(repository: Repository, list: 'tags' | 'referrers', because: string): void
  /** Since now anybody may read the repository, or since now only a login may. */
  turned(repository: Repository, isPublic: boolean): void
  /** Stored content cannot be opened; it is fetched again. */
  unreadable(digest: Digest, because: string): void
  /** The disk cannot take what is downloaded. Told once while that lasts. */
  storeFailed(error: StoreError): void
  storeWorks(): void
  /** What is downloaded is passed through, since the store may not grow. Told once as well. */
  roomless(error: StoreError): void
  roomAgain(): void
  /** A reader of what is passed through could not be given all of it. */
  passFailed(repository: Repository, digest: Digest, error: Error): void
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
    unreadable(digest, because) {
      log.error(`${digest} is stored and cannot be read, so it is fetched again: ${because}`, {
        digest,
      })
    },
    storeFailed({ kind, message }) {
      const what = kind === 'full' ? 'the disk is full' : 'the disk fails'
      log.error(`${what} (${message}): pulls go on, and what they bring is not stored`, { kind })
    },
    storeWorks() {
      log.info('the disk takes downloads again: what is pulled is stored')
    },
    roomless({ message }) {
      const remedy = 'raise --max-size, lower --min-free or free space on the disk'
      log.warn(`${message}: what finds none is passed through, not stored; ${remedy}`)
    },
    roomAgain() {
      log.info('the store has room again: what is pulled is stored')
    },
    indexFailed(what, { kind, message }) {
      const effect =
        what === 'reading'
          ? 'what it knows is asked of upstream again'
          : 'what upstream says is not remembered'
      log.error(`${what} the index fails (${message}): pulls go on, and ${effect}`, { kind })
    },
    indexWorks(what) {
      log.info(`${what} the index works again`)
    },
    passFailed(repository, digest, error) {
      const name = imageName(repository, { digest })
      log.warn(`${name} could not be passed through: ${error.message}`, { image: name })
    },
  }
}
