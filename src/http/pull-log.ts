// One line of log per pulled image: the requests of one client for one repository belong together
// until it has asked nothing for a while.

import { LRUCache } from 'lru-cache'
import type { Reason } from '../errors.ts'
import type { Logger } from '../lib/log.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import type { BlobAnswer } from '../mirror/blob-answer.ts'
import type { ManifestAnswer } from '../mirror/mirror.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import type { Failure } from './error-response.ts'

/** With nothing asked and nothing running for this long, a pull counts as over. */
const SETTLED_AFTER_MS = 3000
/** What a client asked for is repeated up to here. */
const NAME_LENGTH_MAX = 500
/** Pulls followed at once; the oldest is told early where there are more. */
const PULLS_MAX = 1000

interface Pull {
  name: string
  /** Whether `name` is a tag: a tag tells more than the digests asked for after it. */
  isTagged: boolean
  readonly client: string
  readonly startedAt: number
  endedAt: number
  running: number
  readonly blobs: Set<Digest>
  brokenOff: number
  readonly sentBytes: Record<BlobAnswer['how'], number>
  readonly manifests: Set<ManifestAnswer['how']>
  staleBecause: string | undefined
  timer: NodeJS.Timeout | undefined
}

export class PullLog {
  readonly #log: Logger
  readonly #now: () => number
  readonly #pulls: LRUCache<string, Pull>

  constructor(log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
    this.#pulls = new LRUCache({ max: PULLS_MAX, dispose: (pull) => this.#tell(pull) })
  }

  manifest(
    client: string,
    repository: Repository,
    reference: Reference,
    answer: ManifestAnswer,
  ): void {
    const pull = this.#pull(client, repository, reference)
    pull.manifests.add(answer.how)
    pull.staleBecause ??= answer.staleBecause?.message
    this.#settle(pull, repository)
  }

  /** Returns what is to be called when the response is over. */
  blob(
    client: string,
    repository: Repository,
    digest: Digest,
    { how, fetchedBytes }: Pick<BlobAnswer, 'how' | 'fetchedBytes'>,
  ): (sentBytes: number, isComplete: boolean) => void {
    const pull = this.#pull(client, repository, { digest })
    pull.running += 1
    return (sentBytes, isComplete) => {
      pull.running -= 1
      pull.blobs.add(digest)
      if (!isComplete) pull.brokenOff += 1
      const fetched =
        how === 'miss' ? Math.min(sentBytes, fetchedBytes?.() ?? sentBytes) : sentBytes
      pull.sentBytes[how] += fetched
      pull.sentBytes.hit += sentBytes - fetched
      this.#settle(pull, repository)
    }
  }

  /** `what`: `the tags of docker.io/library/nginx`. */
  listed(
    client: string,
    what: string,
    count: number,
    answer: { readonly staleBecause?: Reason | undefined } = {},
  ): void {
    const staleBecause = answer.staleBecause?.message
    const stale = staleBecause === undefined ? '' : `; from memory: ${staleBecause}`
    const fields = { client, what, count, ...(staleBecause !== undefined && { staleBecause }) }
    this.#log.info(`listed ${what} for ${client}: ${count}${stale}`, fields)
  }

  failed(client: string, asked: string, failure: Failure): void {
    const what = asked.slice(0, NAME_LENGTH_MAX)
    const fields = { client, image: what, status: failure.status, code: failure.code }
    const line = `${what} for ${client}: ${failure.status} ${failure.logMessage ?? failure.message}`
    if (failure.status >= 500 || failure.status === 403) this.#log.warn(line, fields)
    else this.#log.info(line, fields)
  }

  /** Tells what is still open; for the end of the process. */
  flush(): void {
    this.#pulls.clear()
  }

  #pull(client: string, repository: Repository, reference: Reference): Pull {
    const key = `${client} ${repositoryKey(repository)}`
    const isTagged = 'tag' in reference
    const name = imageName(repository, reference)
    const running = this.#pulls.get(key)
    // Another tag of the same repository is another pull.
    if (running && !(isTagged && running.isTagged && running.name !== name)) {
      if (isTagged && !running.isTagged) Object.assign(running, { name, isTagged })
      return running
    }
    if (running) this.#pulls.delete(key)
    const now = this.#now()
    const pull: Pull = {
      name,
      isTagged,
      client,
      startedAt: now,
      endedAt: now,
      running: 0,
      blobs: new Set(),
      brokenOff: 0,
      sentBytes: { hit: 0, join: 0, miss: 0, passed: 0 },
      manifests: new Set(),
      staleBecause: undefined,
      timer: undefined,
    }
    this.#pulls.set(key, pull)
    return pull
  }

  #settle(pull: Pull, repository: Repository): void {
    pull.endedAt = this.#now()
    // Put off rather than made anew: a pull of many small things settles at each of them.
    if (pull.timer) return void pull.timer.refresh()
    const key = `${pull.client} ${repositoryKey(repository)}`
    pull.timer = setTimeout(() => {
      pull.timer = undefined
      // Whatever still runs settles it when it ends.
      if (pull.running === 0 && this.#pulls.peek(key) === pull) this.#pulls.delete(key)
    }, SETTLED_AFTER_MS)
    pull.timer.unref()
  }

  #tell(pull: Pull): void {
    clearTimeout(pull.timer)
    const { name, client, blobs, sentBytes, brokenOff, staleBecause } = pull
    const durationMs = pull.endedAt - pull.startedAt
    const fields = {
      client,
      image: name,
      blobs: blobs.size,
      cachedBytes: sentBytes.hit,
      joinedBytes: sentBytes.join,
      upstreamBytes: sentBytes.miss,
      passedBytes: sentBytes.passed,
      brokenOff,
      durationMs,
      manifests: [...pull.manifests],
      ...(staleBecause === undefined ? {} : { staleBecause }),
    }
    const stale = staleBecause === undefined ? '' : `; from memory: ${staleBecause}`
    if (blobs.size === 0) return this.#log.info(`checked ${name} for ${client}${stale}`, fields)
    const broken = brokenOff > 0 ? `, ${brokenOff} broken off` : ''
    const sum = `${blobs.size} blob${blobs.size === 1 ? '' : 's'}${broken}`
    const origins = [
      [sentBytes.hit, 'cached'],
      [sentBytes.miss, 'from upstream'],
      [sentBytes.join, 'shared with a download under way'],
      [sentBytes.passed, 'passed through, not stored'],
    ] as const
    const bytes = origins
      .filter(([count]) => count > 0)
      .map(([count, origin]) => `${formatBytes(count)} ${origin}`)
      .join(', ')
    const line = `pulled ${name} for ${client}: ${sum}, ${bytes || 'empty'}, ${formatElapsed(durationMs)}${stale}`
    this.#log.info(line, fields)
  }
}
