// One registry by its endpoints in order: the first that works answers.

import pLimit from 'p-limit'
import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { referenceText } from '../oci/name.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'
import { openBlobOnce } from './blob.ts'
import type { ByteRange } from './content-range.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import type { Deadline } from './deadline.ts'
import type { Endpoint } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import { getManifestOnce, headManifestOnce } from './manifest.ts'
import type { FetchedManifest, ManifestHead, OpenedBlob, UpstreamRegistry } from './upstream.ts'

/** Troubles of one endpoint, which another need not have. */
const NEXT_MAY_WORK: ReadonlySet<UpstreamErrorKind> = new Set([
  'unreachable',
  'timed-out',
  'rate-limited',
  'bad-response',
  'set-aside',
])

export function createRegistry(
  registry: string,
  endpoints: readonly Endpoint[],
  limits: UpstreamLimits,
): UpstreamRegistry {
  const downloads = createSlots(limits.downloadsPerRegistry)

  function deadlineFor(what: string, timeoutMs: number): Deadline {
    const message = `${registry}: no answer about ${what} within ${timeoutMs / 1000} s`
    return startDeadline(timeoutMs, () => new UpstreamError('timed-out', message))
  }

  async function withDeadline<T>(
    deadline: Deadline,
    attempt: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    try {
      return await firstThatWorks(endpoints, deadline, limits.tries, attempt)
    } finally {
      deadline.cancel()
    }
  }

  function headManifest(
    repository: RepositoryName,
    reference: Reference,
  ): Promise<ManifestHead | undefined> {
    const deadline = deadlineFor(words(repository, reference), limits.manifestBudgetMs)
    const request = { repository, reference, limits, signal: deadline.signal }
    return withDeadline(deadline, (endpoint) => headManifestOnce(endpoint, request))
  }

  function getManifest(
    repository: RepositoryName,
    reference: Reference,
  ): Promise<FetchedManifest | undefined> {
    const deadline = deadlineFor(words(repository, reference), limits.manifestBudgetMs)
    const request = { repository, reference, limits, signal: deadline.signal }
    return withDeadline(deadline, (endpoint) => getManifestOnce(endpoint, request))
  }

  async function openBlob(
    repository: RepositoryName,
    digest: Digest,
    range?: ByteRange,
  ): Promise<OpenedBlob | undefined> {
    const deadline = deadlineFor(words(repository, { digest }), limits.blobOpenBudgetMs)
    // A question of one byte is no download and does not wait for one to end.
    const isProbe = range !== undefined && range.end === range.start
    const release = isProbe ? () => undefined : await slotWithin(downloads(), deadline)
    try {
      const request = { repository, digest, range, limits, signal: deadline.signal, release }
      const opened = await withDeadline(deadline, (endpoint) => openBlobOnce(endpoint, request))
      if (!opened) release()
      return opened
    } catch (error) {
      release()
      throw error
    }
  }

  return { registry, headManifest, getManifest, openBlob }
}

async function firstThatWorks<T>(
  endpoints: readonly Endpoint[],
  deadline: Deadline,
  tries: number,
  attempt: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  let failure: unknown
  for (const [index, endpoint] of endpoints.entries()) {
    // Where there is another endpoint, asking it is better than asking the same one again.
    const isLast = index === endpoints.length - 1
    try {
      return await endpoint.run(deadline, isLast ? tries : 1, () => attempt(endpoint))
    } catch (error) {
      const nextMayWork = error instanceof UpstreamError && NEXT_MAY_WORK.has(error.kind)
      if (!nextMayWork || deadline.signal.aborted) throw error
      failure = error
    }
  }
  throw failure
}

/** A slot that comes too late is given back at once. */
async function slotWithin(slot: Promise<() => void>, deadline: Deadline): Promise<() => void> {
  try {
    return await untilAborted(slot, deadline.signal)
  } catch (error) {
    deadline.cancel()
    void slot.then((release) => release())
    throw error
  }
}

/** Resolves to a function that gives the slot back; calling it again does nothing. */
function createSlots(count: number): () => Promise<() => void> {
  const limit = pLimit(count)
  return () => {
    const taken = Promise.withResolvers<() => void>()
    void limit(() => {
      const held = Promise.withResolvers<void>()
      taken.resolve(held.resolve)
      return held.promise
    })
    return taken.promise
  }
}

function words(repository: RepositoryName, reference: Reference): string {
  return `${repository} ${referenceText(reference)}`
}
