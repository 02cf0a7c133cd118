// One registry by its endpoints in order.

import { UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { referenceText } from '../oci/name.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'
import { openBlobOnce } from './blob.ts'
import type { ByteRange } from './content-range.ts'
import { startDeadline } from './deadline.ts'
import type { Deadline } from './deadline.ts'
import type { Attempt, Endpoint } from './endpoint.ts'
import type { Traffic } from './gate.ts'
import { firstThatHas } from './in-order.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Logins } from './logins.ts'
import { getManifestOnce, headManifestOnce, mustBeRight } from './manifest.ts'
import { MissingReferrers } from './missing-referrers.ts'
import { listReferrersOnce } from './referrers.ts'
import { createSlots } from './slots.ts'
import { listTagsOnce } from './tag-list.ts'
import type { Asking, LoginCheck, PullQuota, RegistryStatus, UpstreamRegistry } from './upstream.ts'

export interface RegistryOptions {
  readonly registry: string
  /** In order; the last is the origin. */
  readonly endpoints: readonly Endpoint[]
  readonly logins: Logins
  readonly limits: UpstreamLimits
  readonly now: () => number
}

interface Lookup {
  readonly endpoints: readonly Endpoint[]
  readonly traffic: Traffic
  readonly anonymously?: boolean
  readonly isContinuation?: boolean
  readonly isFurther?: boolean
  readonly deadline: Deadline
  /** Of lists: who copies the origin may lag, and a list does not tell what it lacks. */
  readonly originFirst?: boolean
  /** Known not to have such a thing, and so not asked. */
  readonly lacks?: (endpoint: Endpoint) => boolean
}

export function createRegistry(options: RegistryOptions): UpstreamRegistry {
  const { registry, endpoints, logins, limits, now } = options
  const downloads = createSlots(limits.downloadsPerRegistry)
  const missingReferrers = new Map(
    endpoints.map((endpoint) => [endpoint, new MissingReferrers(limits, now)]),
  )

  function deadlineFor(
    repository: RepositoryName,
    reference: Reference,
    timeoutMs: number,
  ): Deadline {
    return deadlineAbout(`${repository} ${referenceText(reference)}`, timeoutMs)
  }

  function deadlineAbout(what: string, timeoutMs: number): Deadline {
    const message = `${registry}: no answer about ${what} within ${timeoutMs / 1000} s`
    return startDeadline(timeoutMs, () => new UpstreamError('timed-out', message))
  }

  async function lookUp<T>(
    lookup: Lookup,
    attemptAt: (endpoint: Endpoint) => Attempt<T | undefined>,
  ): Promise<T | undefined> {
    const { traffic, anonymously = false, isContinuation = false, deadline, lacks } = lookup
    const { originFirst = false, isFurther = false } = lookup
    const asked = originFirst ? withOriginFirst(lookup.endpoints) : lookup.endpoints
    try {
      return await firstThatHas(asked, deadline.signal, (endpoint, isLastResort) => {
        if (lacks?.(endpoint)) return Promise.resolve(undefined)
        const admission = { traffic, anonymously, isContinuation, isFurther, isLastResort }
        const othersFollow = originFirst ? endpoint !== asked.at(-1) : !endpoint.isOrigin
        return endpoint.run(admission, deadline, attemptAt(endpoint), othersFollow)
      })
    } finally {
      deadline.cancel()
    }
  }

  function allowedBy(asking: Asking): readonly Endpoint[] {
    return asking.originOnly ? endpoints.slice(-1) : endpoints
  }

  /** Who gave wrong bytes for it, or broke off, comes last, the longest ago first. */
  function leastDistrusted(asked: readonly Endpoint[], digest: Digest): readonly Endpoint[] {
    return asked.toSorted((a, b) => a.distrustedAtMs(digest) - b.distrustedAtMs(digest))
  }

  const headManifest: UpstreamRegistry['headManifest'] = (repository, reference, asking = {}) => {
    const deadline = deadlineFor(repository, reference, limits.manifestBudgetMs)
    const { anonymously = false, headOnly = false } = asking
    const about = { endpoints: allowedBy(asking), deadline, anonymously }
    const lookup = { ...about, traffic: 'lookups' } as const
    return lookUp(lookup, (endpoint) => (signal) => {
      const request = { repository, reference, anonymously, limits, signal }
      return headManifestOnce(endpoint, request, headOnly)
    })
  }

  const getManifest: UpstreamRegistry['getManifest'] = (repository, reference, asking = {}) => {
    const deadline = deadlineFor(repository, reference, limits.manifestBudgetMs)
    const { anonymously = false } = asking
    const about = { endpoints: allowedBy(asking), deadline, anonymously }
    const lookup = { ...about, traffic: 'manifests' } as const
    return lookUp(lookup, (endpoint) => async (signal) => {
      const request = { repository, reference, anonymously, limits, signal }
      const fetched = await getManifestOnce(endpoint, request)
      // What the last one sends is the caller's to judge: nobody is left to ask.
      if (fetched && !endpoint.isOrigin) mustBeRight(fetched, reference, registry)
      return fetched
    })
  }

  async function openBlob(
    repository: RepositoryName,
    digest: Digest,
    range?: ByteRange,
    asking: Asking = {},
  ): ReturnType<UpstreamRegistry['openBlob']> {
    const deadline = deadlineFor(repository, { digest }, limits.blobOpenBudgetMs)
    const { anonymously = false, isFurther = false } = asking
    const release = isFurther ? furtherSlot(deadline) : await slotFor(range, deadline)
    const isContinuation = range !== undefined && range.start > 0
    const asked = leastDistrusted(allowedBy(asking), digest)
    const about = { endpoints: asked, deadline, anonymously, isFurther }
    const lookup = { ...about, traffic: 'blobs', isContinuation } as const
    try {
      const found = await lookUp(lookup, (endpoint) => async (signal) => {
        const request = { repository, digest, range, anonymously, limits, signal, release }
        const opened = await openBlobOnce(endpoint, request)
        return opened && { opened, endpoint }
      })
      if (!found) release()
      return found && { ...found.opened, distrust: distrustOf(found.endpoint, digest) }
    } catch (error) {
      release()
      throw error
    }
  }

  async function slotFor(range: ByteRange | undefined, deadline: Deadline): Promise<() => void> {
    // A question of one byte is no download and does not wait for one to end.
    const isProbe = range !== undefined && range.end === range.start
    return isProbe ? () => undefined : await downloads.take(deadline)
  }

  function furtherSlot(deadline: Deadline): () => void {
    const release = downloads.takeFurther()
    if (release) return release
    deadline.cancel()
    const message = `${registry}: too many downloads are under way for one to have several connections`
    throw new UpstreamError('rate-limited', message, { wasSent: false })
  }

  const listTags: UpstreamRegistry['listTags'] = (repository, asking = {}) => {
    const { anonymously = false } = asking
    const budgetMs = anonymously ? limits.manifestBudgetMs : limits.tagListBudgetMs
    const pagesMax = anonymously ? 1 : limits.tagPagesMax
    const deadline = deadlineAbout(`the tags of ${repository}`, budgetMs)
    const about = { endpoints: allowedBy(asking), deadline, anonymously }
    const lookup = { ...about, traffic: 'lookups' } as const
    return lookUp({ ...lookup, originFirst: true }, (endpoint) => async (signal) => {
      const request = { repository, anonymously, pagesMax, limits, signal }
      const list = await listTagsOnce(endpoint, request)
      return list === 'no-list' && !endpoint.isOrigin ? undefined : list
    })
  }

  const listReferrers: UpstreamRegistry['listReferrers'] = (repository, subject) => {
    const deadline = deadlineAbout(`the referrers of ${subject}`, limits.referrersBudgetMs)
    const lacks = (endpoint: Endpoint): boolean =>
      missingReferrers.get(endpoint)?.has(repository) ?? false
    const lookup = { endpoints, traffic: 'lookups', deadline, originFirst: true, lacks } as const
    return lookUp(lookup, (endpoint) => async (signal) => {
      const { isOrigin } = endpoint
      const reply = await listReferrersOnce(endpoint, { repository, subject, limits, signal })
      missingReferrers.get(endpoint)?.learn(repository, reply)
      if (typeof reply === 'string') return undefined
      // That nothing refers to it is absence, and believed of the origin alone.
      return reply.descriptors.length > 0 || isOrigin ? { ...reply, isOrigin } : undefined
    })
  }

  function distrustOf(endpoint: Endpoint, digest: Digest): () => boolean {
    return () => {
      endpoint.distrust(digest)
      return endpoints.some((each) => each.distrustedAtMs(digest) === 0)
    }
  }

  function status(): RegistryStatus {
    return {
      registry,
      endpoints: endpoints.map((endpoint) => endpoint.status()),
      quota: newest(endpoints.flatMap(({ quota }) => quota ?? [])),
      login: logins.state(),
      loginTriedAtMs: logins.triedAtMs,
    }
  }

  async function checkLogin(): Promise<LoginCheck> {
    const origin = endpoints.at(-1)
    if (!origin) throw new Error('a registry without an origin')
    return await origin.checkLogin()
  }

  return {
    registry,
    get hasLogin() {
      return logins.mayBeInUse
    },
    headManifest,
    getManifest,
    openBlob,
    listTags,
    listReferrers,
    status,
    checkLogin,
  }
}

function withOriginFirst(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.toSorted((a, b) => Number(b.isOrigin) - Number(a.isOrigin))
}

function newest(quotas: readonly PullQuota[]): PullQuota | undefined {
  return quotas.toSorted((a, b) => b.toldAtMs - a.toldAtMs)[0]
}
