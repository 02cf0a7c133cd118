// The note beside a staged file: which of its bytes are there. Written is what a killed process
// leaves behind; synced is what is left after a power loss.
//
// Two slots take turns, each record with a number and a checksum: a record that was torn while it was
// written costs what came since the one before it, not the download.

import { createHash } from 'node:crypto'
import { addExtent } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'

export interface Note {
  readonly boot: string
  readonly totalBytes: number | undefined
  readonly written: readonly Extent[]
  /** What the file has past the end of `written` has been appended to it, and is written as well. */
  readonly grows: boolean
  readonly synced: readonly Extent[]
}

/** `sequence` grows by one with each record. */
export interface NumberedNote {
  readonly sequence: number
  readonly note: Note
}

/** A record longer than this would mean a download in hundreds of pieces, which no fill makes. */
export const SLOT_BYTES = 4096
const CHECKSUM_LENGTH = 64

export function slotOf(sequence: number): number {
  return (sequence % 2) * SLOT_BYTES
}

/** Undefined where the record is too long for its slot. */
export function encodeNote({ sequence, note }: NumberedNote): Buffer | undefined {
  const record = JSON.stringify({ sequence, ...note })
  // Padded, so that a shorter record leaves nothing of a longer one behind it.
  const slot = Buffer.from(`${checksum(record)} ${record}`.padEnd(SLOT_BYTES))
  return slot.byteLength === SLOT_BYTES ? slot : undefined
}

/** The later of the records that are whole; undefined where none is. */
export function decodeNote(slots: Buffer): NumberedNote | undefined {
  const [first, second] = [0, SLOT_BYTES].map((at) =>
    decodeSlot(slots.toString('utf8', at, at + SLOT_BYTES).trimEnd()),
  )
  return (first?.sequence ?? -1) > (second?.sequence ?? -1) ? first : second
}

/** What is written where the note is of this boot: a write makes the file longer only by what it wrote. */
export function writtenBy({ written, grows }: Note, fileBytes: number): readonly Extent[] {
  const start = written.at(-1)?.end ?? 0
  return grows ? addExtent(written, { start, end: fileBytes }) : written
}

function decodeSlot(text: string): NumberedNote | undefined {
  // The first versions wrote one record without number and checksum.
  const isBare = text.startsWith('{')
  const record = isBare ? text : text.slice(CHECKSUM_LENGTH + 1)
  if (!isBare && text.slice(0, CHECKSUM_LENGTH) !== checksum(record)) return undefined
  try {
    // Earlier versions wrote no `grows`.
    const {
      sequence = 0,
      grows = false,
      ...note
    } = JSON.parse(record) as Partial<Note> & {
      readonly sequence?: number
    }
    return Array.isArray(note.written) && Array.isArray(note.synced)
      ? { sequence, note: { ...(note as Note), grows } }
      : undefined
  } catch {
    return undefined
  }
}

function checksum(record: string): string {
  return createHash('sha256').update(record).digest('hex')
}
