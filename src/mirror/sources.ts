// Whom one download has had its bytes from: whether anybody may have them, and whom to distrust where
// they are wrong.

import type { OpenedBlob } from '../upstream/upstream.ts'

/** Inclusive at both ends; without `end` it is open. `isFurther`: beside another connection for it. */
export type Open = (
  range?: { start: number; end?: number },
  isFurther?: boolean,
) => Promise<OpenedBlob | undefined>

export class Sources {
  readonly #open: Open
  readonly #distrusts: OpenedBlob['distrust'][] = []
  #isAnonymous: boolean | undefined

  constructor(open: Open) {
    this.#open = open
  }

  /** Whether all came without a login; undefined before there is any. */
  get isAnonymous(): boolean | undefined {
    return this.#isAnonymous
  }

  readonly ask: Open = async (range, isFurther) => {
    const opened = await this.#open(range, isFurther)
    if (!opened) return undefined
    this.#distrusts.push(opened.distrust)
    this.#isAnonymous = opened.isAnonymous && this.#isAnonymous !== false
    return opened
  }

  /** Which of them sent the wrong bytes cannot be told. True where another endpoint may do better. */
  distrust(): boolean {
    let othersMayBeRight = false
    for (const distrust of this.#distrusts) othersMayBeRight = distrust()
    return othersMayBeRight
  }
}
