// Whether a repository contains what another was seen to contain: one question, however many ask.

import { SingleFlight } from '../lib/single-flight.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { Fills } from './fills.ts'
import { probeBlob } from './probe.ts'
import type { ProbedBlob } from './probe.ts'
import type { SharedContent } from './shared-content.ts'

export interface ConfirmedBlobsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly shared: SharedContent
}

export interface Confirmed {
  readonly sizeBytes: number | undefined
}

export class ConfirmedBlobs {
  readonly #options: ConfirmedBlobsOptions
  readonly #fills: Fills
  readonly #confirming = new SingleFlight<Confirmed | undefined>()

  constructor(options: ConfirmedBlobsOptions, fills: Fills) {
    this.#options = options
    this.#fills = fills
  }

  /** Undefined where it does not. Throws UpstreamError where that cannot be told. */
  confirm(repository: Repository, digest: Digest): Promise<Confirmed | undefined> {
    const name = imageName(repository, { digest })
    return this.#confirming.run(name, () => this.#askFor(repository, digest))
  }

  async #askFor(repository: Repository, digest: Digest): Promise<Confirmed | undefined> {
    const { upstreams, index, shared } = this.#options
    const held = await index.findBlob(digest)
    // Whoever asked just before may have learnt it since this one looked.
    const known = await index.findContent(repository, digest)
    if (held && known?.kind === 'blob' && (await shared.mayServe(digest, known))) return held
    const upstream = upstreams.registry(repository.registry)
    const found = await shared.confirm(repository, (asking) =>
      probeBlob(upstream, repository.name, digest, asking),
    )
    if (!found) this.#fills.noteMissing(repository, digest)
    if (!found || (held && isOther(found, held))) return undefined
    await this.#fills.seen(repository, digest, found.isAnonymous)
    return { sizeBytes: found.totalBytes }
  }
}

/** What is held is the right size, so who tells another one has something else. */
function isOther({ totalBytes }: ProbedBlob, held: { readonly sizeBytes: number }): boolean {
  return totalBytes !== undefined && totalBytes !== held.sizeBytes
}
