// A registry that is shown a client certificate: that is a login too, which nothing is asked without.

import { UpstreamError } from '../errors.ts'
import type { Asking, UpstreamRegistry } from './upstream.ts'

export function askedWithCertificate(upstream: UpstreamRegistry): UpstreamRegistry {
  const { registry } = upstream

  async function ask<Found extends { readonly isAnonymous: boolean } | string>(
    asking: Asking | undefined,
    send: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    if (asking?.anonymously) {
      const because = 'everything of this registry is asked with its client certificate'
      throw new UpstreamError('not-visible', `${registry}: not asked without a login: ${because}`)
    }
    const found = await send()
    return typeof found === 'object' ? { ...found, isAnonymous: false } : found
  }

  return {
    ...upstream,
    hasLogin: true,
    headManifest: (repository, reference, asking) =>
      ask(asking, () => upstream.headManifest(repository, reference, asking)),
    getManifest: (repository, reference, asking) =>
      ask(asking, () => upstream.getManifest(repository, reference, asking)),
    openBlob: (repository, digest, range, asking) =>
      ask(asking, () => upstream.openBlob(repository, digest, range, asking)),
    listTags: (repository, asking) => ask(asking, () => upstream.listTags(repository, asking)),
    listReferrers: (repository, subject) =>
      ask(undefined, () => upstream.listReferrers(repository, subject)),
  }
}
