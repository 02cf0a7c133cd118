// The file of one download: the room that it takes, what is in it, and where it goes in the end.

import { extentBytes } from '../lib/extents.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { StagedBlob } from '../store/blob-store.ts'
import type { RunningHash } from '../store/hasher.ts'
import type { FillOptions } from './fill-options.ts'
import type { Followers } from './followers.ts'
import { Progress } from './progress.ts'
import { TakenRoom } from './taken-room.ts'

/**
 * The hash is told of so many at once, as that wakes its thread each time; at the end, of the rest. With
 * 1 MiB throughout a cold pull cost 3.9 CPU s/GB instead of 3.6.
 */
const HASH_STEP_BYTES_MIN = 1024 * 1024
const HASH_STEP_BYTES_MAX = 8 * 1024 * 1024
/** Nobody waits at the end for the hash of more than this part of the content. */
const HASH_STEP_PART = 1 / 32

/**
 * What is no longer is hashed on this thread: 0.3 ms at most where the processor has no instructions
 * for it, and the way through a hash worker costs the first byte more.
 */
const SHORT_BYTES_MAX = 64 * 1024

type FillFileOptions = Pick<FillOptions, 'digest' | 'room' | 'hasher' | 'stage' | 'stagedBytes'>

export interface PuttingAway {
  /** Nobody will go on from there. */
  readonly isUseless: boolean
  /** Another repository's download left what is in it, and nothing has come since. */
  readonly isOthers: boolean
  readonly totalBytes: number | undefined
}

export class FillFile {
  readonly #options: FillFileOptions
  #room: TakenRoom | undefined
  #staged: StagedBlob | undefined
  #progress: Progress | undefined
  #hash: RunningHash | undefined
  /** As far as it was told to go. */
  #hashFrontier = 0

  constructor(options: FillFileOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#staged !== undefined
  }

  get staged(): StagedBlob {
    if (!this.#staged) throw new Error('a fill was read before it was answerable')
    return this.#staged
  }

  get progress(): Progress {
    if (!this.#progress) throw new Error('a fill was used before it was staged')
    return this.#progress
  }

  /** With what an earlier attempt left in it. Throws StoreError. */
  async open(expectedBytes: number | undefined): Promise<StagedBlob> {
    const { digest, room, stage } = this.#options
    this.#room = await TakenRoom.take(room, digest, expectedBytes)
    const staged = await stage()
    this.#staged = staged
    this.#progress = new Progress(staged)
    return staged
  }

  /** What an earlier attempt left is hashed again. Throws StoreError 'no-room'. */
  async resume(totalBytes: number): Promise<void> {
    await this.#room?.cover(totalBytes)
    this.progress.resume()
    this.#advanceHash()
  }

  /** Before bytes up to there are written. Throws StoreError 'no-room'. */
  async makeRoom(position: number, totalBytes: number | undefined): Promise<void> {
    await this.#room?.reach(position, totalBytes)
  }

  /** These bytes have been written; what it gives is awaited before more are. */
  arrived(from: number, to: number, totalBytes: number | undefined): Promise<void> | undefined {
    const { progress } = this
    const noted = progress.add(from, to, totalBytes)
    const { frontier } = progress
    if (frontier > SHORT_BYTES_MAX) this.#hash ??= this.#beginHash()
    if (frontier - this.#hashFrontier >= hashStepBytes(frontier)) this.#advanceHash()
    return noted
  }

  #beginHash(): RunningHash {
    const { digest, hasher } = this.#options
    return hasher.begin(digestAlgorithm(digest), this.staged.path)
  }

  #advanceHash(): void {
    this.#hashFrontier = this.progress.frontier
    this.#hash ??= this.#beginHash()
    this.#hash.advance(this.#hashFrontier)
  }

  /** Of all that is in it. */
  async digest(totalBytes: number): Promise<Digest> {
    const { digest, hasher } = this.#options
    const hash = this.#hash
    this.#hash = undefined
    if (hash) return await hash.finish(totalBytes)
    return hasher.short(digestAlgorithm(digest), this.staged.fd, totalBytes)
  }

  dropHash(): void {
    this.#hash?.drop()
  }

  /** Where `recorded` rejects too, the content is not there any more. */
  async publish(totalBytes: number, recorded: (stamp: string) => Promise<void>): Promise<void> {
    const { staged } = this
    try {
      const unsynced = await this.progress.settled()
      if (unsynced) throw unsynced
      await recorded(await staged.publish(totalBytes))
    } catch (error) {
      await staged.discard().catch(() => undefined)
      throw error
    }
    // From here on its row counts it.
    this.#settleRoom('published', totalBytes)
  }

  async putAway(how: PuttingAway): Promise<void> {
    await this.#progress?.settled()
    if (this.#staged) await this.#putAway(this.#staged, how).catch(() => undefined)
    else await this.#leaveUntouched()
  }

  /** What was removed takes its room until nobody has it open. */
  async closeWhenUnread(followers: Followers): Promise<void> {
    if (!this.#staged) return
    await followers.unread()
    await this.#staged.close().catch(() => undefined)
    this.#settleRoom('nothing', 0)
  }

  /** Wrong content is thrown away; what merely broke off is kept for the next attempt. */
  async #putAway(staged: StagedBlob, how: PuttingAway): Promise<void> {
    const { progress } = this
    // It is still good for that other repository.
    const isOthers = how.isOthers && staged.extents.length > 0
    const isUseless = how.isUseless || progress.bytes === 0
    if (isUseless && !isOthers) return await staged.discard()
    if (!isOthers) progress.note(how.totalBytes)
    this.#settleRoom('parked', isOthers ? extentBytes(staged.extents) : progress.bytes)
    await staged.park()
  }

  /** What could not even be opened. */
  async #leaveUntouched(): Promise<void> {
    const bytes = await this.#options.stagedBytes().catch(() => 0)
    this.#settleRoom(bytes > 0 ? 'parked' : 'nothing', bytes)
  }

  /** The first word counts. */
  #settleRoom(left: 'published' | 'parked' | 'nothing', bytes: number): void {
    this.#room?.settle(left, bytes)
    this.#room = undefined
  }
}

function hashStepBytes(frontier: number): number {
  return Math.min(HASH_STEP_BYTES_MAX, Math.max(HASH_STEP_BYTES_MIN, frontier * HASH_STEP_PART))
}
