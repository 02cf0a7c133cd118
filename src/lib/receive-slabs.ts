// The memory that downloads are received in: slabs, each used again once all that came into it has been
// written. Left to the collector, the buffers of a fast download make it run fifty times in 512 MiB.

import type { Socket } from 'node:net'

/**
 * Each connection has one, and each read that waits: 64 downloads hold 20 MiB in slabs of this size, 40 in
 * ones of 128 KiB, which save a single download 3 % of its CPU.
 */
const SLAB_BYTES = 64 * 1024
/** A slab with less room than this is full: short reads cost as much as long ones. */
const READ_MIN_BYTES = 16 * 1024
/**
 * More than these are left to the collector: 25 MiB, more than all downloads hold at once. Where half of what
 * 64 downloads held was left to it, it had let 100 MiB gather before it came.
 */
const IDLE_MAX = 400

interface Slab {
  readonly memory: Buffer
  receivedBytes: number
  givenBackBytes: number
  isFull: boolean
}

const slabs = new WeakMap<ArrayBufferLike, Slab>()
const idle: Buffer[] = []

/** An option of Node's `connect`, one for all sockets of a connector. */
export interface IntoSlabs {
  /** One read. Of several undici makes one, a copy in new memory, and the slabs are never given back. */
  readonly highWaterMark: 1
  readonly onread: {
    readonly buffer: () => Buffer
    readonly callback: (this: Socket, bytes: number, into: Buffer) => boolean
  }
}

/**
 * What a socket receives is given to its readers as views of its slab. Undefined on Bun, which does not
 * tell the callback whose bytes they are.
 */
export function intoSlabs(): IntoSlabs | undefined {
  if ('bun' in process.versions) return undefined
  // Node asks for the next buffer right after each callback, and does not say for which socket.
  let rest: Buffer | undefined
  const onread: IntoSlabs['onread'] = {
    buffer() {
      const next = rest ?? takeSlab()
      rest = undefined
      return next
    },
    callback(bytes, into) {
      const slab = slabs.get(into.buffer) as Slab
      slab.receivedBytes += bytes
      slab.isFull = into.length - bytes < READ_MIN_BYTES
      if (!slab.isFull) rest = into.subarray(bytes)
      return this.push(into.subarray(0, bytes))
    },
  }
  return { highWaterMark: 1, onread }
}

/**
 * Nobody will read these bytes any more: said once of each. Nothing happens where they are of no slab,
 * and a slab of which some are never given back is left to the collector.
 */
export function giveBack(bytes: Uint8Array): void {
  const slab = slabs.get(bytes.buffer)
  if (!slab) return
  slab.givenBackBytes += bytes.byteLength
  const isIdle = slab.isFull && slab.givenBackBytes === slab.receivedBytes
  if (!isIdle || idle.length >= IDLE_MAX) return
  slabs.delete(bytes.buffer)
  idle.push(slab.memory)
}

function takeSlab(): Buffer {
  const memory = idle.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
  slabs.set(memory.buffer, { memory, receivedBytes: 0, givenBackBytes: 0, isFull: false })
  return memory
}
