// How a download begins: with what an earlier attempt left, and with the size that upstream tells.

import { UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import type { FillFile } from './fill-file.ts'
import type { FillContent } from './fill-reader.ts'
import { wrongSize } from './gap-request.ts'

/** Where upstream tells no size: how long to wait for the end before answering without one. */
const UNKNOWN_SIZE_WAIT_MS = 20_000

export interface BeginningParts {
  readonly digest: Digest
  readonly content: FillContent
  readonly file: FillFile
  /** Readers can be answered. */
  readonly answer: () => void
}

export class Beginning {
  readonly #parts: BeginningParts
  /** What an earlier attempt left is no part of this one: it goes when upstream has given something. */
  #isStale = false
  #isResumed = false
  #patienceTimer: NodeJS.Timeout | undefined

  constructor(parts: BeginningParts) {
    this.#parts = parts
  }

  /** Whether an earlier attempt's bytes are part of it. */
  get isResumed(): boolean {
    return this.#isResumed
  }

  /** What an earlier attempt left is served at once, while it is hashed again alongside. */
  async takeUpStaged(mustAsk: boolean): Promise<void> {
    const { file, content, answer } = this.#parts
    const { extents, totalBytes } = await file.open(content.totalBytes)
    if (extents.length === 0) return
    if (totalBytes === undefined || totalBytes !== (content.totalBytes ?? totalBytes)) {
      this.#isStale = true
      return
    }
    await file.resume(totalBytes)
    this.#isResumed = true
    content.totalBytes = totalBytes
    if (!mustAsk) answer()
  }

  /** Before a byte of what upstream has opened is used. */
  async opened(opened: OpenedBlob): Promise<void> {
    try {
      await this.#learnSize(opened)
    } catch (error) {
      opened.abort()
      throw error
    }
  }

  /** Nobody is answered any more. */
  end(): void {
    clearTimeout(this.#patienceTimer)
  }

  async #learnSize(opened: OpenedBlob): Promise<void> {
    const { file, content, answer, digest } = this.#parts
    const told = opened.totalBytes
    if (told !== undefined && content.totalBytes !== undefined && told !== content.totalBytes) {
      const wrong = wrongSize(digest, content, told)
      // Another endpoint can still do better, unseen.
      if (opened.distrust()) throw new UpstreamError('bad-response', wrong.message)
      throw wrong
    }
    content.totalBytes ??= told
    if (this.#isStale) await file.staged.beginAfresh()
    this.#isStale = false
    if (content.totalBytes !== undefined) return answer()
    this.#patienceTimer ??= setTimeout(answer, UNKNOWN_SIZE_WAIT_MS)
  }
}
