// The setting of most fault tests: one blob at a scripted upstream, a link in front of it, and a
// mirror with an empty data folder that pulls through that link.
import { RegMirror } from './binary.ts'
import { heldContent, seededContent } from './content.ts'
import type { HeldContent } from './content.ts'
import { FaultyLink } from './faulty-link.ts'
import type { LinkSettings } from './faulty-link.ts'
import { rawRequest } from './raw-http.ts'
import type { RawResponse } from './raw-http.ts'
import type { LoggedRequest } from './request-log.ts'
import type { Reply } from './scripted-reply.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'

export const MIB = 2 ** 20
const REPOSITORY = 'library/big'

export interface ColdBlobOptions {
  readonly mebibytes: number
  readonly link?: LinkSettings
  readonly firstReply?: Reply // of the upstream, to the first GET of the blob
  readonly args?: readonly string[] // of the mirror
}

export class ColdBlob implements AsyncDisposable {
  readonly content: HeldContent
  readonly upstream: ScriptedUpstream
  readonly link: FaultyLink
  readonly mirror: RegMirror
  readonly #stack: AsyncDisposableStack

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.content = parts.content
    this.upstream = parts.upstream
    this.link = parts.link
    this.mirror = parts.mirror
    this.#stack = stack
  }

  static async start(options: ColdBlobOptions): Promise<ColdBlob> {
    const { mebibytes, link: settings = {}, firstReply, args = [] } = options
    await using stack = new AsyncDisposableStack()
    const content = heldContent(seededContent(`blob of ${mebibytes} MiB`, mebibytes * MIB))
    const upstream = stack.use(await ScriptedUpstream.start())
    upstream.addBlob(REPOSITORY, content)
    if (firstReply !== undefined) {
      const path = `/blobs/${content.digest}`
      upstream.script({ method: 'GET', path, times: 1, reply: firstReply })
    }
    const link = stack.use(await FaultyLink.start(upstream.url, settings))
    const registries = { 'docker.io': link.url }
    const mirror = stack.use(await RegMirror.start({ registries, args }))
    return new ColdBlob({ content, upstream, link, mirror }, stack.move())
  }

  get size(): number {
    return this.content.size
  }

  get url(): string {
    return this.mirror.blobUrl('docker.io', REPOSITORY, this.content.digest)
  }

  request(headers: Readonly<Record<string, string>> = {}): Promise<RawResponse> {
    return rawRequest(this.url, { headers })
  }

  // What the upstream was asked for, HEAD requests apart.
  upstreamGets(): LoggedRequest[] {
    return this.upstream.log.find({ method: 'GET', path: `/blobs/${this.content.digest}` })
  }

  close(): Promise<void> {
    return this.#stack.disposeAsync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

type Parts = Pick<ColdBlob, 'content' | 'upstream' | 'link' | 'mirror'>
