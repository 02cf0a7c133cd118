// Which bytes the next of several connections asks for. Pure.
//
// Pieces are taken from the front, so that a download grows from its beginning: readers of the whole
// and the hash, which the last bytes wait for, are never far behind the connection that is furthest.

import { addExtent, extentBytes, gapAfter } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'

const MIB = 1024 * 1024

export interface PieceSizes {
  /** What is less comes over one connection, and is there before others are under way. */
  readonly worthBytes: number
  readonly minBytes: number
  readonly maxBytes: number
}

/** Each piece costs a request, and another where the registry sends us on to its storage. */
export const PIECE_SIZES: PieceSizes = {
  worthBytes: 32 * MIB,
  minBytes: 8 * MIB,
  maxBytes: 32 * MIB,
}

/** So many that connections of one speed end within an eighth of the whole time of each other. */
const PIECES_PER_CONNECTION = 8
/**
 * How far the others may be ahead of the oldest piece, for each connection: one that is slower than
 * they are by no more than this holds nobody up, and no other makes a download slower than itself.
 */
const PIECES_AHEAD = 2

export interface Plan {
  /** No more than there are pieces worth a request. */
  readonly connections: number
  readonly pieceBytes: number
  /** Of the last turn of all. */
  readonly lastPieceBytes: number
}

/**
 * Equal pieces in whole turns of all connections: a ninth piece over four would take a turn of its own.
 * In the last turn they are halves where those are worth a request, and no connection ends long after
 * the others.
 */
export function planPieces(missingBytes: number, wanted: number, sizes: PieceSizes): Plan {
  const { minBytes, maxBytes } = sizes
  const connections = Math.min(wanted, Math.max(1, Math.floor(missingBytes / minBytes)))
  const share = missingBytes / (connections * PIECES_PER_CONNECTION)
  const aim = Math.min(Math.max(share, minBytes), maxBytes)
  const turns = Math.max(1, Math.round(missingBytes / (connections * aim)))
  const pieceBytes = Math.ceil(missingBytes / (connections * turns))
  const half = Math.ceil(pieceBytes / 2)
  return { connections, pieceBytes, lastPieceBytes: half < minBytes ? pieceBytes : half }
}

export interface PieceQuestion extends Plan {
  readonly there: readonly Extent[]
  /** What is on its way over other connections. */
  readonly pieces: readonly Extent[]
  /** What else somebody fetches just now. */
  readonly windows: readonly Extent[]
  readonly totalBytes: number
}

/** `too-far`: not before the oldest piece is there. Undefined: nothing is left to ask for. */
export function nextPiece(question: PieceQuestion): Extent | 'too-far' | undefined {
  const { there, pieces, windows, totalBytes, connections, pieceBytes, lastPieceBytes } = question
  const claimed = withAll(there, [...pieces, ...windows])
  const { start, end = totalBytes } = gapAfter(claimed, 0)
  if (start >= totalBytes) return undefined
  const oldest = Math.min(...pieces.map((piece) => piece.start))
  if (start >= oldest + connections * PIECES_AHEAD * pieceBytes) return 'too-far'
  const isLastTurn = totalBytes - extentBytes(claimed) <= connections * pieceBytes
  return { start, end: Math.min(end, start + (isLastTurn ? lastPieceBytes : pieceBytes)) }
}

/** What of `wanted` nobody has or fetches, up to where somebody does; undefined: nothing. */
export function unclaimedIn(
  wanted: Extent,
  there: readonly Extent[],
  pieces: readonly Extent[],
): Extent | undefined {
  const { start, end = wanted.end } = gapAfter(withAll(there, pieces), wanted.start)
  return start < wanted.end ? { start, end: Math.min(end, wanted.end) } : undefined
}

function withAll(extents: readonly Extent[], more: readonly Extent[]): readonly Extent[] {
  return more.reduce(addExtent, extents)
}
