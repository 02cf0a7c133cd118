// One upstream request of a download, and its body on the way into the file.

import { IntegrityError, UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import type { Demand } from './demand.ts'
import type { FillFile } from './fill-file.ts'
import type { FillContent } from './fill-reader.ts'
import { GapWriter } from './gap-writer.ts'
import type { Gap } from './progress.ts'
import type { Sources } from './sources.ts'

export interface GapRequestParts {
  readonly digest: Digest
  readonly content: Readonly<FillContent>
  readonly file: FillFile
  readonly demand: Demand
  readonly sources: Sources
  /** Aborted: nothing more is asked. */
  readonly signal: AbortSignal
  readonly fetched: (bytes: number) => void
}

export interface GapRequestOptions {
  readonly gap: Gap
  /** Beside other connections. */
  readonly isFurther?: boolean
  /** Called before bytes are written there: only one may write where two meet. */
  readonly clearWay?: (start: number, end: number) => Promise<void> | undefined
}

export class GapRequest {
  readonly gap: Gap
  readonly isFurther: boolean
  readonly #parts: GapRequestParts
  readonly #clearWay: GapRequestOptions['clearWay']
  #opened: OpenedBlob | undefined
  #writer: GapWriter | undefined
  #fetchedBytes = 0
  #isStopped = false

  constructor(parts: GapRequestParts, { gap, isFurther = false, clearWay }: GapRequestOptions) {
    this.gap = gap
    this.isFurther = isFurther
    this.#parts = parts
    this.#clearWay = clearWay
  }

  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  /** Undefined when upstream has no such blob. */
  async open(): Promise<OpenedBlob | undefined> {
    const { content, sources, signal } = this.#parts
    await this.#standBack(0)
    signal.throwIfAborted()
    const { start, end = content.totalBytes } = this.gap
    const isWhole = start === 0 && this.gap.end === undefined
    // Where the end is known it is named: some registries answer 416 to an open range.
    const range = { start, ...(end === undefined ? {} : { end: end - 1 }) }
    const opened = await sources.ask(isWhole ? undefined : range, this.isFurther)
    this.#opened = opened
    if (signal.aborted || this.#isStopped) opened?.abort()
    signal.throwIfAborted()
    return opened
  }

  /** Moves the body into the file, up to `end` or to what is there already; resolves to where it ended. */
  async store(opened: OpenedBlob, { start, end }: Gap): Promise<number> {
    const { content, file, signal, digest } = this.#parts
    const writer = new GapWriter(file.staged, start, (from, to) => this.#arrived(from, to))
    this.#writer = writer
    let position = opened.start
    let stop = end
    try {
      for await (const chunk of opened.body) {
        const from = position
        const skipped = Math.max(0, start - from)
        position += chunk.byteLength
        if (position > (content.totalBytes ?? Infinity)) throw wrongSize(digest, content, position)
        await this.#clearWay?.(start, position)
        // What others fetched lies ahead. It is never written again: it may have been hashed.
        stop = lesser(end, file.progress.nextAfter(start))
        const kept = Math.min(chunk.byteLength, (stop ?? Infinity) - from)
        await file.makeRoom(from + kept, content.totalBytes)
        if (this.#isStopped) break
        if (skipped < kept) await writer.add(chunk.subarray(skipped, kept))
        // A part ends here by itself, and its connection can then be used for the next.
        const endsHere = opened.isPart && stop === end
        if (position >= (stop ?? Infinity) && !endsHere) break
        await this.#standBack(chunk.byteLength)
      }
    } finally {
      opened.abort()
      await writer.flushed()
    }
    signal.throwIfAborted()
    const expected = stop ?? content.totalBytes
    if (expected !== undefined && position < expected) {
      throw new UpstreamError('unreachable', `upstream ended ${digest} at byte ${position}`)
    }
    return position
  }

  /** Breaks it off. What is being written goes on until `stop` resolves. */
  abort(): void {
    this.#opened?.abort()
  }

  /** Nothing is written by it any more. Waits for the disk only, never for upstream. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#opened?.abort()
    await this.#writer?.flushed().catch(() => undefined)
  }

  /** What no client waits for leaves the link to what one does. */
  async #standBack(bytes: number): Promise<void> {
    const turn = this.#parts.demand.standBack(bytes)
    if (!turn) return
    await turn
    this.#parts.signal.throwIfAborted()
  }

  #arrived(from: number, to: number): Promise<void> | undefined {
    const { file, demand, content, fetched } = this.#parts
    this.#fetchedBytes += to - from
    fetched(to - from)
    demand.arrived(to - from)
    const noted = file.arrived(from, to, content.totalBytes)
    demand.followers.wake()
    return noted
  }
}

export function wrongSize(
  digest: Digest,
  content: Readonly<FillContent>,
  found: number,
): IntegrityError {
  return new IntegrityError(
    'size',
    `upstream has at least ${found} bytes for ${digest}, ${content.totalBytes} were expected`,
  )
}

function lesser(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one
}
