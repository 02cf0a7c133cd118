// Who wants a download: clients, which it goes before others for, and runs of `warm`, for which alone it
// stands back.

import { Followers } from './followers.ts'
import type { Cap, Pace } from './pace.ts'

export interface Keeper {
  readonly arrived: (bytes: number) => void
  /** Of its run; undefined: it has none. */
  readonly cap: Cap | undefined
}

export class Demand {
  readonly followers: Followers
  readonly #pace: Pace
  readonly #keepers = new Set<Keeper>()
  #expected = 0
  #isOver = false
  #stoodBackMs = 0

  /** `onLeft` is called each time the last client has left and nobody keeps it. */
  constructor(pace: Pace, onLeft: () => void) {
    this.#pace = pace
    this.followers = new Followers(() => {
      this.#rank()
      if (this.#keepers.size === 0) onLeft()
    })
  }

  /** By a client, who reads or is about to. */
  get isAwaited(): boolean {
    return this.followers.count > 0 || this.#expected > 0
  }

  get isNone(): boolean {
    return this.#keepers.size === 0 && !this.isAwaited
  }

  join(reader: object): void {
    this.followers.join(reader)
    this.#rank()
  }

  leave(reader: object): void {
    this.followers.leave(reader)
  }

  /** A client is about to read, until what is returned is called. */
  expect(): () => void {
    this.#expected += 1
    this.#rank()
    return () => {
      this.#expected -= 1
      this.#rank()
    }
  }

  /** `arrived`: where several keep it, one of them hears of each byte. */
  keep({ arrived, cap }: Keeper): () => void {
    const keeper = { arrived, cap }
    this.#keepers.add(keeper)
    // It may have waited for a run that is slower.
    this.#pace.free(this)
    return () => this.#keepers.delete(keeper)
  }

  arrived(bytes: number): void {
    const [keeper] = this.#keepers
    keeper?.arrived(bytes)
    if (this.isAwaited) this.#pace.liveArrived(bytes)
  }

  /** How long bodies were left unread by now. */
  get stoodBackMs(): number {
    return this.#stoodBackMs
  }

  /** Resolves when it may have more than the bytes it has just had; undefined: at once. */
  standBack(bytes: number): Promise<void> | undefined {
    if (this.#isOver || this.#keepers.size === 0 || this.isAwaited) return undefined
    const turn = this.#pace.take(this, bytes, this.#fastest())
    return turn?.then((waitedMs) => {
      if (bytes > 0) this.#stoodBackMs += waitedMs
    })
  }

  /** Nothing more is asked for it. */
  end(): void {
    this.#isOver = true
    this.#pace.free(this)
    this.#rank()
  }

  /** What several runs want comes as fast as the one that may go fastest. */
  #fastest(): Cap | undefined {
    const caps = Array.from(this.#keepers, ({ cap }) => cap)
    return caps.reduce(
      (one, other) => one && other && (one.bytesPerSecond < other.bytesPerSecond ? other : one),
    )
  }

  #rank(): void {
    if (this.isAwaited && !this.#isOver) this.#pace.liveBegan(this)
    else this.#pace.liveEnded(this)
  }
}
