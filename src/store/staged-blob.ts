// A download on disk: its bytes, and beside them a note of which bytes are there.
//
// The note is one small record overwritten in place. It names what was written and, apart from it,
// what was synced: after a crash of the process the first is true, after a power loss only the second.

import { constants } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { extentBytes } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import type { Digest } from '../oci/digest.ts'
import type { StagedBlob } from './blob-store.ts'
import { bootId } from './boot-id.ts'
import { asStoreError } from './disk-error.ts'
import { blobPath, extentsPath, stagingPath } from './layout.ts'
import type { Layout } from './layout.ts'
import { stampOf } from './stamp.ts'

interface Note {
  readonly boot: string
  readonly totalBytes: number | undefined
  readonly written: readonly Extent[]
  readonly synced: readonly Extent[]
}

/** A note longer than this would mean a download in hundreds of pieces, which no fill makes. */
const NOTE_BYTES_MAX = 4096

const EMPTY: Note = { boot: '', totalBytes: undefined, written: [], synced: [] }

/** Opens the staged file of `digest`, new or as an earlier attempt left it. */
export async function stageBlob(layout: Layout, digest: Digest): Promise<StagedBlob> {
  const path = stagingPath(layout, digest)
  const flags = constants.O_RDWR | constants.O_CREAT
  let file: FileHandle | undefined
  let noteFile: FileHandle | undefined
  try {
    file = await open(path, flags, 0o644)
    noteFile = await open(extentsPath(layout, digest), flags, 0o644)
    const note = await readNote(noteFile, (await file.stat()).size)
    return new StagedFile(layout, digest, file, noteFile, note)
  } catch (error) {
    await noteFile?.close()
    await file?.close()
    throw asStoreError(error, `cannot stage ${digest}`)
  }
}

/** What of the note can be believed; nothing where it is torn, or the file is shorter than it says. */
async function readNote(noteFile: FileHandle, fileBytes: number): Promise<Note> {
  const { buffer, bytesRead } = await noteFile.read(Buffer.alloc(NOTE_BYTES_MAX), 0)
  const boot = await bootId()
  try {
    const note = JSON.parse(buffer.toString('utf8', 0, bytesRead)) as Note
    const believed = note.boot === boot ? note.written : note.synced
    if (believed.some((extent) => extent.end > fileBytes)) return EMPTY
    return { ...note, written: believed }
  } catch {
    return EMPTY
  }
}

class StagedFile implements StagedBlob {
  readonly path: string
  readonly extents: readonly Extent[]
  readonly totalBytes: number | undefined
  readonly #layout: Layout
  readonly #digest: Digest
  readonly #file: FileHandle
  readonly #noteFile: FileHandle
  #note: Note
  #noting: Promise<void> | undefined
  #noteAgain = false

  constructor(layout: Layout, digest: Digest, file: FileHandle, noteFile: FileHandle, note: Note) {
    this.path = stagingPath(layout, digest)
    this.extents = note.written
    this.totalBytes = extentBytes(note.written) > 0 ? note.totalBytes : undefined
    this.#layout = layout
    this.#digest = digest
    this.#file = file
    this.#noteFile = noteFile
    this.#note = note
  }

  get fd(): number {
    return this.#file.fd
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    try {
      let left = chunks.map((chunk) => chunk)
      while (left.length > 0) {
        const { bytesWritten } = await this.#file.writev(left, position)
        position += bytesWritten
        left = unwritten(left, bytesWritten)
      }
    } catch (error) {
      throw asStoreError(error, `cannot write ${this.path}`)
    }
  }

  note(extents: readonly Extent[], totalBytes: number | undefined): void {
    this.#note = { ...this.#note, written: extents, totalBytes }
    if (this.#noting) {
      this.#noteAgain = true
      return
    }
    this.#noting = this.#writeNotes().finally(() => (this.#noting = undefined))
  }

  /** A note that cannot be written costs a download its resumption, not its success. */
  async #writeNotes(): Promise<void> {
    do {
      this.#noteAgain = false
      await this.#writeNote().catch(() => undefined)
    } while (this.#noteAgain)
  }

  async #writeNote(): Promise<void> {
    const note: Note = { ...this.#note, boot: await bootId() }
    // Padded, so that a shorter record leaves nothing of a longer one behind it.
    const bytes = Buffer.from(JSON.stringify(note).padEnd(NOTE_BYTES_MAX))
    if (bytes.byteLength <= NOTE_BYTES_MAX) await this.#noteFile.write(bytes, 0, bytes.length, 0)
  }

  async sync(): Promise<void> {
    const covered = this.#note.written
    try {
      await this.#file.datasync()
      this.#note = { ...this.#note, synced: covered }
      await this.#noting
      await this.#writeNote()
      await this.#noteFile.datasync()
    } catch (error) {
      throw asStoreError(error, `cannot sync ${this.path}`)
    }
  }

  async publish(totalBytes: number): Promise<string> {
    const target = blobPath(this.#layout, this.#digest)
    let stamp: string
    try {
      // An earlier attempt may have written past the end of what the content turned out to be.
      await this.#file.truncate(totalBytes)
      await this.#file.datasync()
      await mkdir(dirname(target), { recursive: true })
      await rename(this.path, target)
      await syncFolder(dirname(target))
      stamp = stampOf(await this.#file.stat({ bigint: true }))
    } catch (error) {
      throw asStoreError(error, `cannot publish ${this.#digest}`)
    } finally {
      await this.#closeNote()
    }
    await rm(extentsPath(this.#layout, this.#digest), { force: true })
    return stamp
  }

  async park(): Promise<void> {
    await this.#noting
    await this.#writeNote().catch(() => undefined)
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

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
