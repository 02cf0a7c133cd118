// Which image goes next: by last use, where what a tag falls back on counts as used whenever the tag was.
// So many images are looked at in one step, so that no answer waits for a search among a million.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import { Fallbacks } from './fallbacks.ts'
import type { ImageCursor, ImageVictim, WaitingImage } from './index-port.ts'
import { imageVictimStatements } from './removal-statements.ts'

/** Looked at in one step: some ms. */
export const IMAGES_AT_A_TIME = 500
/** Kept in mind as due later. Where there are more, the search begins again for the rest. */
export const WAITING_MAX = 64

const START: ImageCursor = { lastUse: 0, row: -1, waiting: [], isMore: false }

interface ImageRow {
  readonly row: number
  readonly digest: Digest
  readonly lastUse: number
  /** No other image lists it, and no pin keeps it. */
  readonly mayGo: 0 | 1
}

export interface FoundVictim {
  readonly victim: { readonly digest: Digest; readonly lastUse: number } | undefined
  readonly next: ImageCursor | undefined
}

export class ImageVictims {
  readonly #sql: Record<keyof typeof imageVictimStatements, Statement>
  readonly #fallbacks: Fallbacks

  constructor(database: Database) {
    this.#fallbacks = new Fallbacks(database)
    this.#sql = Object.fromEntries(
      Object.entries(imageVictimStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof imageVictimStatements, Statement>
  }

  find({ after = START, before, spares }: ImageVictim): FoundVictim {
    const spared = this.#naming(spares)
    let { waiting, isMore } = after
    let { lastUse, row } = after
    const limit = IMAGES_AT_A_TIME
    const page = { after: lastUse, afterRow: row, before, limit }
    const images = this.#sql.imagesAmong.all(page) as ImageRow[]
    const isEnd = images.length < limit
    const dueAt = (at: number): FoundVictim['victim'] => {
      for (;;) {
        const [first] = waiting
        if (!first || first.lastUse >= at) return undefined
        waiting = waiting.slice(1)
        const now = this.#asItIsNow(first, spared)
        if (now?.lastUse === first.lastUse) return now
        if (now && now.lastUse < before) waiting = inOrder(waiting, now)
      }
    }
    for (const image of images) {
      const victim = dueAt(image.lastUse)
      if (victim) return { victim, next: { lastUse, row, waiting, isMore } }
      lastUse = image.lastUse
      row = image.row
      const due = this.#dueOf(image, spared)
      if (due === undefined || due >= before) continue
      if (due === lastUse) {
        return { victim: image, next: { lastUse, row, waiting, isMore } }
      }
      waiting = inOrder(waiting, { digest: image.digest, lastUse: due })
      isMore ||= waiting.length > WAITING_MAX
      waiting = waiting.slice(0, WAITING_MAX)
    }
    const victim = isEnd ? dueAt(Infinity) : undefined
    if (victim || !isEnd) return { victim, next: { lastUse, row, waiting, isMore } }
    return { victim, next: isMore ? START : undefined }
  }

  /** When it counts as used; undefined where it may not go. */
  #dueOf({ digest, lastUse, mayGo }: ImageRow, spared: ReadonlySet<Digest>): number | undefined {
    if (!mayGo || spared.has(digest)) return undefined
    return Math.max(lastUse, this.#fallbacks.neededUntil(digest))
  }

  /** It may have been used, pinned or removed since it was passed. */
  #asItIsNow({ digest }: WaitingImage, spared: ReadonlySet<Digest>): WaitingImage | undefined {
    const image = this.#sql.image.get({ digest }) as ImageRow | undefined
    const lastUse = image && this.#dueOf(image, spared)
    return lastUse === undefined ? undefined : { digest, lastUse }
  }

  #naming(digests: readonly Digest[]): ReadonlySet<Digest> {
    const rows = this.#sql.namingAny.all({ digests: JSON.stringify(digests) }) as {
      digest: Digest
    }[]
    return new Set(rows.map(({ digest }) => digest))
  }
}

function inOrder(waiting: readonly WaitingImage[], added: WaitingImage): WaitingImage[] {
  const behind = waiting.findIndex(({ lastUse }) => lastUse > added.lastUse)
  return waiting.toSpliced(behind < 0 ? waiting.length : behind, 0, added)
}
