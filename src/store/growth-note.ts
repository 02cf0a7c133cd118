// The note beside one staged file, kept up with it while it is written: one write at a time, and none
// for what comes in order, as the note says of that file that it grows.

import type { FileHandle } from 'node:fs/promises'
import { addExtent } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import { bootId } from './boot-id.ts'
import { decodeNote, encodeNote, SLOT_BYTES, slotOf, writtenBy } from './staging-note.ts'
import type { Note, NumberedNote } from './staging-note.ts'

export const NOTHING_NOTED: NumberedNote = {
  sequence: 0,
  note: { boot: '', totalBytes: undefined, written: [], grows: false, synced: [] },
}

/** What of the note can be believed; undefined where it is torn, or the file is shorter than it says. */
export async function readNote(
  noteFile: FileHandle,
  file: FileHandle,
): Promise<NumberedNote | undefined> {
  const slots = Buffer.alloc(2 * SLOT_BYTES)
  const { bytesRead } = await noteFile.read(slots, 0, slots.length, 0)
  const last = decodeNote(slots.subarray(0, bytesRead))
  if (!last) return undefined
  const { sequence, note } = last
  const { size } = await file.stat()
  const isOfThisBoot = note.boot === (await bootId())
  const written = isOfThisBoot ? writtenBy(note, size) : note.synced
  if (written.some((extent) => extent.end > size)) return undefined
  const grows = isOfThisBoot && note.grows
  return { sequence, note: { ...note, written, grows } }
}

/** Or a new download would grow until what is not believed now could be believed again. */
export async function wipe(noteFile: FileHandle, file: FileHandle): Promise<NumberedNote> {
  if ((await noteFile.stat()).size > 0) {
    await noteFile.truncate()
    await noteFile.datasync()
  }
  if ((await file.stat()).size > 0) await file.truncate()
  return NOTHING_NOTED
}

export class GrowthNote {
  readonly #file: FileHandle
  #note: Note
  /** The end of what has been appended by now, while the note says that the file grows. */
  #appendedBytes: number
  /** Whether the last note that was written says so. */
  #isGrowthNoted: boolean
  /** Resolves when no note that says so is left. */
  #growthEnded: Promise<void> = Promise.resolve()
  #sequence: number
  /** The last write of the note that was begun or is to begin; never rejects. */
  #noting: Promise<void> = Promise.resolve()
  /** The write that has not begun yet. */
  #nextNote: Promise<void> | undefined

  constructor(file: FileHandle, { sequence, note }: NumberedNote) {
    this.#file = file
    this.#note = note
    this.#sequence = sequence
    this.#appendedBytes = endOf(note.written)
    this.#isGrowthNoted = note.grows
  }

  get written(): readonly Extent[] {
    return this.#note.written
  }

  /** What has been appended since the last note needs none. */
  get coversGrowth(): boolean {
    return this.#isGrowthNoted && this.#note.grows
  }

  /** Up to there, by a write that is through. */
  appended(end: number): void {
    this.#appendedBytes = end
  }

  /** `endBytes`: of the file, when all writes under way are through. */
  async tell(
    written: readonly Extent[],
    totalBytes: number | undefined,
    endBytes: number,
  ): Promise<void> {
    const [only] = written
    const end = only?.end ?? 0
    // A download that comes in order is noted at each sync only, instead of 2 000 times in 512 MiB.
    const grows = written.length <= 1 && (only?.start ?? 0) === 0 && end === endBytes
    if (grows) this.#appendedBytes = end
    await this.#change({ ...this.#note, written, totalBytes, grows })
  }

  /** Before the file gets longer by what was not appended to it. */
  async endGrowth(): Promise<void> {
    const { written, grows } = this.#note
    if (grows) {
      const appended = { start: endOf(written), end: this.#appendedBytes }
      const all = addExtent(written, appended)
      await this.#change({ ...this.#note, written: all, grows: false }).catch(() => undefined)
    }
    await this.#growthEnded
  }

  /** These bytes have been synced. */
  async synced(covered: readonly Extent[]): Promise<void> {
    this.#note = { ...this.#note, synced: covered }
    await this.save()
    await this.#file.datasync()
  }

  /** Of `file` nothing is kept, and nothing is noted. */
  async wipe(file: FileHandle): Promise<void> {
    await this.#noting
    const { sequence, note } = await wipe(this.#file, file)
    this.#sequence = sequence
    this.#note = note
    this.#isGrowthNoted = false
  }

  /** One write at a time; all who ask while it runs share the next one. */
  save(): Promise<void> {
    if (this.#nextNote) return this.#nextNote
    const saved = this.#noting.then(() => {
      this.#nextNote = undefined
      return this.#write()
    })
    this.#nextNote = saved
    this.#noting = saved.catch(() => undefined)
    return saved
  }

  async close(): Promise<void> {
    await this.#noting
    await this.#file.close()
  }

  #change(note: Note): Promise<void> {
    const isGrowthOver = this.#note.grows && !note.grows
    this.#note = note
    const saved = this.save()
    // Rather none than one that is wrong.
    if (isGrowthOver) this.#growthEnded = saved.catch(() => this.#file.truncate())
    return saved
  }

  async #write(): Promise<void> {
    this.#sequence += 1
    const note = { ...this.#note, boot: await bootId() }
    const slot = encodeNote({ sequence: this.#sequence, note })
    if (!slot) return
    await this.#file.write(slot, 0, slot.length, slotOf(this.#sequence))
    this.#isGrowthNoted = note.grows
  }
}

export function endOf(extents: readonly Extent[]): number {
  return extents.at(-1)?.end ?? 0
}
