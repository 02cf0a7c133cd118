// One image of a run, from the plan to its result.

import type { WarmResult, WarmStatus } from '../care/warm-job.ts'
import type { TagHead } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import type { Why } from './causes.ts'
import { mayBeIndex } from './holding.ts'
import type { Holding, MissingManifest } from './holding.ts'
import type { Wanted } from './wanted.ts'

export class Image {
  readonly wanted: Wanted
  /** What it refers to, or is looked for beside: another image of the run. */
  readonly attachedTo: Image | undefined
  /** What is to be held: what upstream's tag pointed to, as far as it told. */
  digest: Digest | undefined
  mediaType: string | undefined
  /** Of the manifest. */
  sizeBytes: number | undefined
  /** What was held whole under this name before the run. */
  digestBefore: Digest | undefined
  holding: Holding | undefined
  /** What upstream said of its tag just now: it is not asked for that again at once. */
  told: TagHead | undefined
  /** GETs of manifests that its price says. */
  plannedPulls = 0
  /** What refers to it was asked for. */
  isFollowed = false
  /** Those that are left of what is planned for all that refers to it; undefined before there is a price. */
  attachedPulls: number | undefined
  readonly warnings: string[] = []
  bytesNew = 0
  tries = 1
  status: WarmStatus | undefined
  why: Why | undefined
  /** Why it is neither fetched nor reported: what need not exist does not, or it is larger than it may be. */
  passedOver: string | undefined
  /** It waits for pulls, or for a registry that asked to be left alone. */
  isDeferred = false
  /** Stored parts were gone again at the end, once. */
  isRepeated = false

  constructor(wanted: Wanted, attachedTo?: Image) {
    this.wanted = wanted
    this.attachedTo = attachedTo
  }

  get registry(): string {
    return this.wanted.repository.registry
  }

  get isDone(): boolean {
    return this.passedOver !== undefined || (this.status !== undefined && this.status !== 'stale')
  }

  get top(): MissingManifest | undefined {
    const { digest, mediaType, sizeBytes } = this
    return digest && { digest, isIndex: mayBeIndex(mediaType), sizeBytes }
  }

  result(): WarmResult {
    const { wanted, status = 'left', why, holding, bytesNew } = this
    const isWhole = status === 'fresh' || status === 'warmed'
    return {
      reference: wanted.name,
      registry: this.registry,
      places: wanted.places,
      status,
      cause: why?.cause,
      because: why?.because,
      remedy: why?.remedy,
      digestBefore: this.digestBefore,
      digest: isWhole ? this.digest : this.digestBefore,
      platforms: holding?.platforms ?? [],
      warnings: this.warnings,
      bytesNew,
      bytesReused: isWhole ? Math.max(0, (holding?.totalBytes ?? 0) - bytesNew) : 0,
      tries: this.tries,
    }
  }
}
