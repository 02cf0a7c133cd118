// Over how many connections one download comes, and what is on its way over each. It begins with one;
// further ones begin when upstream has given a part as a part, and what one of them is refused, the
// others fetch. The last one never leaves.

import type { Extent } from '../lib/extents.ts'
import { nextPiece, PIECE_SIZES, planPieces } from './pieces.ts'
import type { PieceSizes, Plan } from './pieces.ts'
import type { Gap } from './progress.ts'

export interface Landscape {
  readonly there: readonly Extent[]
  /** What else somebody fetches just now. */
  readonly windows: readonly Extent[]
  readonly totalBytes: number
}

export class Connections {
  readonly #plan: Plan
  readonly #pieces = new Map<Gap, Extent>()
  readonly #working = new Set<symbol>()
  readonly #areFurther = Promise.withResolvers<boolean>()
  #allowed: number
  #changed = Promise.withResolvers<void>()

  /** `missingBytes`: undefined where the size is not known. */
  constructor(wanted: number, missingBytes: number | undefined, sizes: PieceSizes = PIECE_SIZES) {
    const isWorth = missingBytes !== undefined && missingBytes >= sizes.worthBytes
    this.#plan = planPieces(missingBytes ?? 0, isWorth ? wanted : 1, sizes)
    this.#allowed = this.#plan.connections
  }

  get allowed(): number {
    return this.#allowed
  }

  /** Then each request is for a piece; else one is for all that is missing in a row. */
  get maySeveral(): boolean {
    return this.#allowed > 1
  }

  get isAlone(): boolean {
    return this.#working.size <= 1
  }

  get pieces(): readonly Extent[] {
    return [...this.#pieces.values()]
  }

  /** Whether there are to be further ones, once that is known. */
  get areFurther(): Promise<boolean> {
    return this.#areFurther.promise
  }

  /** The first word counts. */
  decide(areFurther: boolean): void {
    this.#areFurther.resolve(areFurther)
  }

  /** What is returned stands for the connection. */
  begin(): symbol {
    const connection = Symbol('connection')
    this.#working.add(connection)
    return connection
  }

  /** At once, so that of two that leave the second sees that it is the last. */
  leave(connection: symbol): void {
    this.#working.delete(connection)
    this.#change()
  }

  /** It was refused beside others: there is one fewer for the rest of this download. */
  leaveRefused(connection: symbol): void {
    this.#allowed -= 1
    this.leave(connection)
  }

  /** Upstream gives the whole only. */
  beOne(): void {
    this.#allowed = 1
    this.decide(false)
  }

  /** The next piece; waits while it would be too far ahead. Undefined: nothing is left to ask for. */
  async claim(look: () => Landscape): Promise<Extent | undefined> {
    for (;;) {
      const plan = { ...this.#plan, connections: this.#allowed }
      const piece = nextPiece({ ...look(), pieces: this.pieces, ...plan })
      if (piece && piece !== 'too-far') this.#pieces.set(piece, piece)
      if (piece !== 'too-far') return piece
      await this.#changed.promise
    }
  }

  /** It is there, or whoever comes next fetches what is missing of it. */
  release(gap: Gap): void {
    this.#pieces.delete(gap)
    this.#change()
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
