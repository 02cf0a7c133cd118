// A download on disk: its bytes, and beside them a note of which bytes are there.
//
// The note is there whenever the bytes are: made before them, removed after them. It says that bytes
// are written only when they are, and that they are synced only when they are.

import { constants } from 'node:fs'
import { open, rename, rm, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { extentBytes } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import type { Digest } from '../oci/digest.ts'
import type { StagedBlob } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder, syncFolder } from './durable-folder.ts'
import { endOf, GrowthNote, NOTHING_NOTED, readNote, wipe } from './growth-note.ts'
import { blobPath, extentsPath, stagingPath } from './layout.ts'
import type { Layout } from './layout.ts'
import type { NumberedNote } from './staging-note.ts'
import { stampOf } from './stamp.ts'

/** Opens the staged file of `digest`, new or as an earlier attempt left it. */
export async function stageBlob(layout: Layout, digest: Digest): Promise<StagedBlob> {
  try {
    return (await stageNew(layout, digest)) ?? (await stageKept(layout, digest))
  } catch (error) {
    throw asStoreError(error, `cannot stage ${digest}`)
  }
}

/**
 * Undefined where any of it is there, or cannot be made. What is new need not be looked at: two turns
 * through the I/O threads instead of six.
 */
async function stageNew(layout: Layout, digest: Digest): Promise<StagedBlob | undefined> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
  const noteFile = await open(extentsPath(layout, digest), flags, 0o644).catch(() => undefined)
  if (!noteFile) return undefined
  const file = await open(stagingPath(layout, digest), flags, 0o644).catch(() => undefined)
  if (file) return new StagedFile(layout, digest, file, noteFile, NOTHING_NOTED)
  await noteFile.close()
  return undefined
}

async function stageKept(layout: Layout, digest: Digest): Promise<StagedBlob> {
  const flags = constants.O_RDWR | constants.O_CREAT
  let file: FileHandle | undefined
  let noteFile: FileHandle | undefined
  try {
    noteFile = await open(extentsPath(layout, digest), flags, 0o644)
    file = await open(stagingPath(layout, digest), flags, 0o644)
    const believed = (await readNote(noteFile, file)) ?? (await wipe(noteFile, file))
    // Or a note that says "and what is appended" would tell of what nobody believes.
    await file.truncate(endOf(believed.note.written))
    return new StagedFile(layout, digest, file, noteFile, believed)
  } catch (error) {
    await noteFile?.close()
    await file?.close()
    throw error
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

class StagedFile implements StagedBlob {
  readonly path: string
  extents: readonly Extent[]
  totalBytes: number | undefined
  readonly #layout: Layout
  readonly #digest: Digest
  readonly #file: FileHandle
  readonly #note: GrowthNote
  /** The end of the file when all writes under way are through. */
  #endBytes: number
  #isNameSynced = false
  #writesUnderWay = 0

  constructor(
    layout: Layout,
    digest: Digest,
    file: FileHandle,
    noteFile: FileHandle,
    believed: NumberedNote,
  ) {
    const { written, totalBytes } = believed.note
    this.path = stagingPath(layout, digest)
    this.extents = written
    this.totalBytes = extentBytes(written) > 0 ? totalBytes : undefined
    this.#layout = layout
    this.#digest = digest
    this.#file = file
    this.#note = new GrowthNote(noteFile, believed)
    this.#endBytes = endOf(written)
  }

  get isNoted(): boolean {
    return this.#note.coversGrowth
  }

  get fd(): number {
    return this.#file.fd
  }

  /** Or what is written now would be taken, after a power loss, for what was synced before it. */
  async beginAfresh(): Promise<void> {
    try {
      await this.#note.wipe(this.#file)
      this.extents = []
      this.totalBytes = undefined
      this.#endBytes = 0
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
      if (!isAppended) await this.#note.endGrowth()
      let left = chunks.map((chunk) => chunk)
      while (left.length > 0) {
        const { bytesWritten } = await this.#file.writev(left, position)
        position += bytesWritten
        left = unwritten(left, bytesWritten)
      }
      if (isAppended) this.#note.appended(end)
    } catch (error) {
      throw asStoreError(error, `cannot write ${this.path}`)
    } finally {
      this.#writesUnderWay -= 1
    }
  }

  /** A note that cannot be written costs a download its resumption, not its success. */
  async note(extents: readonly Extent[], totalBytes: number | undefined): Promise<void> {
    await this.#note.tell(extents, totalBytes, this.#endBytes).catch(() => undefined)
  }

  async sync(): Promise<void> {
    const covered = this.#note.written
    try {
      await this.#file.datasync()
      if (!this.#isNameSynced) await syncFolder(dirname(this.path))
      this.#isNameSynced = true
      await this.#note.synced(covered)
    } catch (error) {
      throw asStoreError(error, `cannot sync ${this.path}`)
    }
  }

  async publish(totalBytes: number): Promise<string> {
    const target = blobPath(this.#layout, this.#digest)
    let isInPlace = false
    try {
      // An earlier attempt may have written past the end of what the content turned out to be.
      if (this.#endBytes !== totalBytes) await this.#file.truncate(totalBytes)
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
      await this.#note.close().catch(() => undefined)
      const note = extentsPath(this.#layout, this.#digest)
      if (isInPlace) await unlink(note).catch(() => undefined)
    }
  }

  async park(): Promise<void> {
    await this.#note.save().catch(() => undefined)
    await this.#note.close()
  }

  async discard(): Promise<void> {
    await this.#note.close()
    await rm(this.path, { force: true })
    await rm(extentsPath(this.#layout, this.#digest), { force: true })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
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
