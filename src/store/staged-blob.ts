// A download on disk: its bytes, and beside them a note of which bytes are there.
//
// The note is there whenever the bytes are: made before them, removed after them. It says that bytes
// are written only when they are, and that they are synced only when they are.

import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { addExtent, extentBytes } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import type { Digest } from '../oci/digest.ts'
import type { StagedBlob } from './blob-store.ts'
import { bootId } from './boot-id.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder, syncFolder } from './durable-folder.ts'
import { blobPath, extentsPath, stagingPath } from './layout.ts'
import type { Layout } from './layout.ts'
import { decodeNote, encodeNote, SLOT_BYTES, slotOf, writtenBy } from './staging-note.ts'
import type { Note, NumberedNote } from './staging-note.ts'
import { stampOf } from './stamp.ts'

const NOTHING: NumberedNote = {
  sequence: 0,
  note: { boot: '', totalBytes: undefined, written: [], grows: false, synced: [] },
}

/** Opens the staged file of `digest`, new or as an earlier attempt left it. */
export async function stageBlob(layout: Layout, digest: Digest): Promise<StagedBlob> {
  const path = stagingPath(layout, digest)
  const flags = constants.O_RDWR | constants.O_CREAT
  let file: FileHandle | undefined
  let noteFile: FileHandle | undefined
  try {
    noteFile = await open(extentsPath(layout, digest), flags, 0o644)
    file = await open(path, flags, 0o644)
    const believed = (await readNote(noteFile, file)) ?? (await wipe(noteFile, file))
    // Or a note that says "and what is appended" would tell of what nobody believes.
    await file.truncate(endOf(believed.note.written))
    return new StagedFile(layout, digest, file, noteFile, believed)
  } catch (error) {
    await noteFile?.close()
    await file?.close()
    throw asStoreError(error, `cannot stage ${digest}`)
  }
}

/** False where a crash came between the file and its note, the note is torn, or it tells of nothing. */
export async function isResumable(layout: Layout, digest: Digest): Promise<boolean> {
  const files: FileHandle[] = []
  try {
    const noteFile = await open(extentsPath(layout, digest))
    files.push(noteFile)
    const file = await open(stagingPath(layout, digest))
    files.push(file)
    const believed = await readNote(noteFile, file)
    return believed !== undefined && extentBytes(believed.note.written) > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw asStoreError(error, `cannot read what is staged of ${digest}`)
  } finally {
    for (const file of files) await file.close()
  }
}

/** What of the note can be believed; undefined where it is torn, or the file is shorter than it says. */
async function readNote(noteFile: FileHandle, file: FileHandle): Promise<NumberedNote | undefined> {
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
async function wipe(noteFile: FileHandle, file: FileHandle): Promise<NumberedNote> {
  if ((await noteFile.stat()).size > 0) {
    await noteFile.truncate()
    await noteFile.datasync()
  }
  if ((await file.stat()).size > 0) await file.truncate()
  return NOTHING
}

class StagedFile implements StagedBlob {
  readonly path: string
  extents: readonly Extent[]
  totalBytes: number | undefined
  readonly #layout: Layout
  readonly #digest: Digest
  readonly #file: FileHandle
  readonly #noteFile: FileHandle
  #note: Note
  /** The end of the file when all writes under way are through. */
  #endBytes: number
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
  #isNameSynced = false
  #writesUnderWay = 0

  constructor(
    layout: Layout,
    digest: Digest,
    file: FileHandle,
    noteFile: FileHandle,
    { sequence, note }: NumberedNote,
  ) {
    this.path = stagingPath(layout, digest)
    this.extents = note.written
    this.totalBytes = extentBytes(note.written) > 0 ? note.totalBytes : undefined
    this.#layout = layout
    this.#digest = digest
    this.#file = file
    this.#noteFile = noteFile
    this.#note = note
    this.#sequence = sequence
    this.#endBytes = this.#appendedBytes = endOf(note.written)
    this.#isGrowthNoted = note.grows
  }

  get isNoted(): boolean {
    return this.#isGrowthNoted && this.#note.grows
  }

  get fd(): number {
    return this.#file.fd
  }

  /** Or what is written now would be taken, after a power loss, for what was synced before it. */
  async beginAfresh(): Promise<void> {
    try {
      await this.#noting
      const { sequence, note } = await wipe(this.#noteFile, this.#file)
      this.#sequence = sequence
      this.#note = note
      this.extents = note.written
      this.totalBytes = undefined
      this.#endBytes = 0
      this.#isGrowthNoted = false
    } catch (error) {
      throw asStoreError(error, `cannot begin ${this.path} afresh`)
    }
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    const end = chunks.reduce((sum, chunk) => sum + chunk.byteLength, position)
    // Of two at once the later one may be through first, and the file grows by a hole before it.
    const isAppended = position === this.#endBytes && this.#writesUnderWay === 0
    this.#writesUnderWay += 1
    this.#endBytes = Math.max(this.#endBytes, end)
    try {
      if (!isAppended) await this.#endGrowth()
      let left = chunks.map((chunk) => chunk)
      while (left.length > 0) {
        const { bytesWritten } = await this.#file.writev(left, position)
        position += bytesWritten
        left = unwritten(left, bytesWritten)
      }
      if (isAppended) this.#appendedBytes = end
    } catch (error) {
      throw asStoreError(error, `cannot write ${this.path}`)
    } finally {
      this.#writesUnderWay -= 1
    }
  }

  /** A note that cannot be written costs a download its resumption, not its success. */
  async note(extents: readonly Extent[], totalBytes: number | undefined): Promise<void> {
    const [only] = extents
    const end = only?.end ?? 0
    // A download that comes in order is noted at each sync only, instead of 2 000 times in 512 MiB.
    const grows = extents.length <= 1 && (only?.start ?? 0) === 0 && end === this.#endBytes
    if (grows) this.#appendedBytes = end
    const saved = this.#change({ ...this.#note, written: extents, totalBytes, grows })
    await saved.catch(() => undefined)
  }

  /** Before the file gets longer by what was not appended to it. */
  async #endGrowth(): Promise<void> {
    const { written, grows } = this.#note
    if (grows) {
      const appended = { start: endOf(written), end: this.#appendedBytes }
      const all = addExtent(written, appended)
      await this.#change({ ...this.#note, written: all, grows: false }).catch(() => undefined)
    }
    await this.#growthEnded
  }

  #change(note: Note): Promise<void> {
    const isGrowthOver = this.#note.grows && !note.grows
    this.#note = note
    const saved = this.#saveNote()
    // Rather none than one that is wrong.
    if (isGrowthOver) this.#growthEnded = saved.catch(() => this.#noteFile.truncate())
    return saved
  }

  /** One write at a time; all who ask while it runs share the next one. */
  #saveNote(): Promise<void> {
    if (this.#nextNote) return this.#nextNote
    const saved = this.#noting.then(() => {
      this.#nextNote = undefined
      return this.#writeNote()
    })
    this.#nextNote = saved
    this.#noting = saved.catch(() => undefined)
    return saved
  }

  async #writeNote(): Promise<void> {
    this.#sequence += 1
    const note = { ...this.#note, boot: await bootId() }
    const slot = encodeNote({ sequence: this.#sequence, note })
    if (!slot) return
    await this.#noteFile.write(slot, 0, slot.length, slotOf(this.#sequence))
    this.#isGrowthNoted = note.grows
  }

  async sync(): Promise<void> {
    const covered = this.#note.written
    try {
      await this.#file.datasync()
      if (!this.#isNameSynced) await syncFolder(dirname(this.path))
      this.#isNameSynced = true
      this.#note = { ...this.#note, synced: covered }
      await this.#saveNote()
      await this.#noteFile.datasync()
    } catch (error) {
      throw asStoreError(error, `cannot sync ${this.path}`)
    }
  }

  async publish(totalBytes: number): Promise<string> {
    const target = blobPath(this.#layout, this.#digest)
    let isInPlace = false
    try {
      // An earlier attempt may have written past the end of what the content turned out to be.
      await this.#file.truncate(totalBytes)
      await this.#file.datasync()
      await makeFolder(dirname(target))
      await rename(this.path, target)
      isInPlace = true
      await syncFolder(dirname(target))
      return stampOf(await this.#file.stat({ bigint: true }))
    } catch (error) {
      // Nobody would ever count it.
      if (isInPlace) await rm(target, { force: true }).catch(() => undefined)
      throw asStoreError(error, `cannot publish ${this.#digest}`)
    } finally {
      // Without the bytes it says nothing: one that stays is wiped by the next download.
      await this.#closeNote().catch(() => undefined)
      const note = extentsPath(this.#layout, this.#digest)
      if (isInPlace) await rm(note, { force: true }).catch(() => undefined)
    }
  }

  async park(): Promise<void> {
    await this.#saveNote().catch(() => undefined)
    await this.#closeNote()
  }

  async discard(): Promise<void> {
    await this.#closeNote()
    await rm(this.path, { force: true })
    await rm(extentsPath(this.#layout, this.#digest), { force: true })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #closeNote(): Promise<void> {
    await this.#noting
    await this.#noteFile.close()
  }
}

function endOf(extents: readonly Extent[]): number {
  return extents.at(-1)?.end ?? 0
}

function unwritten(chunks: readonly Uint8Array[], bytesWritten: number): Uint8Array[] {
  let skip = bytesWritten
  const left: Uint8Array[] = []
  for (const chunk of chunks) {
    if (skip >= chunk.byteLength) skip -= chunk.byteLength
    else {
      left.push(chunk.subarray(skip))
      skip = 0
    }
  }
  return left
}
