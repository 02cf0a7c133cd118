// Sends slices of a file, which may still be growing, as the body of a response.

import { read } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { ByteSource, FileBody } from '../lib/byte-source.ts'
import { giveBuffer, takeBuffer } from './buffers.ts'
import type { Link } from './link.ts'
import type { Outlet, Sendfile } from './sendfile.ts'

/** A shorter slice goes through one buffer: sendfile would need a second turn through the I/O threads. */
const SENDFILE_BYTES_MIN = 256 * 1024
/** The ordinary write that waits for room: small, since as many bytes wait with each slow reader. */
const ROOM_BYTES = 16 * 1024

export interface SendOptions {
  /** A client that takes nothing for this long is cut. */
  readonly idleTimeoutMs: number
  /** Undefined: all goes through buffers. */
  readonly sendfile: Pick<Sendfile, 'outlet'> | undefined
}

export interface Sent {
  /** Handed to the connection. */
  readonly sentBytes: number
  /** The source could not go on. */
  readonly isBrokenOff: boolean
}

export async function sendBody(
  body: FileBody,
  response: ServerResponse,
  link: Link,
  options: SendOptions,
): Promise<Sent> {
  const sender = new Sender(body.source, response, link, options)
  let isBrokenOff = false
  try {
    for (const part of body.parts) {
      if (part instanceof Uint8Array) await sender.literal(part)
      else await sender.slice(part.start, part.end)
    }
  } catch {
    isBrokenOff = true
  }
  // The last write counts only once it is through.
  await sender.close()
  return { sentBytes: sender.sentBytes, isBrokenOff }
}

/**
 * While one buffer is on its way out the next is read. A buffer is used again only after its write's
 * callback: the callback is how the runtime says that the bytes have left it.
 */
class Sender {
  readonly #source: ByteSource
  readonly #response: ServerResponse
  readonly #link: Link
  readonly #watchdog: NodeJS.Timeout
  readonly #sendfile: SendOptions['sendfile']
  #outlet: Outlet | 'none' | undefined
  #writing: Promise<void> | undefined
  sentBytes = 0

  constructor(source: ByteSource, response: ServerResponse, link: Link, options: SendOptions) {
    this.#source = source
    this.#response = response
    this.#link = link
    this.#sendfile = options.sendfile
    this.#watchdog = setTimeout(() => {
      if (this.#writing) link.socket.destroy()
      else this.#watchdog.refresh()
    }, options.idleTimeoutMs)
  }

  async literal(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes)
  }

  async slice(start: number, end: number | undefined): Promise<void> {
    let position = start
    while (!this.#link.isGone) {
      const limit = end ?? this.#source.sizeBytes ?? Infinity
      if (position >= limit) return
      const available = Math.min(this.#source.available(position), limit - position)
      const sent = available > 0 ? await this.#send(position, available) : 0
      const unreadable = sent instanceof Error ? sent : undefined
      if (typeof sent === 'number' && sent > 0) {
        position += sent
        continue
      }
      const rest = this.#source.elsewhere?.(position, end, unreadable)
      if (rest) return await this.#pass(rest, (end ?? position) - position)
      if (unreadable) throw unreadable
      await this.#waitFor(position)
    }
  }

  async #waitFor(position: number): Promise<void> {
    await this.#wait(() => this.#source.arrived(position))
    const isEnd = this.#source.sizeBytes === position
    const mayBeElsewhere = this.#source.elsewhere !== undefined
    if (!isEnd && !mayBeElsewhere && !this.#link.isGone && this.#source.available(position) <= 0) {
      throw new Error('a source woke its reader without bytes')
    }
  }

  /** One chunk at a time: the next is asked for when the connection has taken this one. */
  async #pass(rest: AsyncIterable<Uint8Array>, promisedBytes: number): Promise<void> {
    const chunks = rest[Symbol.asyncIterator]()
    let passedBytes = 0
    try {
      while (!this.#link.isGone) {
        const next = await this.#wait(() => chunks.next())
        // Who left a wait behind ends it by releasing the source.
        if (!next) return
        if (next.done && passedBytes < promisedBytes) throw new Error('a source ended early')
        if (next.done) return
        passedBytes += next.value.byteLength
        await this.#write(next.value)
      }
    } finally {
      // Not awaited: it waits for what is on its way, and nobody needs that any more.
      chunks.return?.().then(undefined, () => undefined)
    }
  }

  /**
   * Undefined where the connection is gone first. The head goes out before a wait, so that nobody takes
   * a slow download for a dead mirror.
   */
  async #wait<T>(begin: () => Promise<T>): Promise<T | undefined> {
    if (!this.#response.headersSent || this.sentBytes === 0) this.#response.flushHeaders()
    // The link waits for one thing at a time.
    await this.#writing
    // Nobody would hear of a failure: the wait below does not begin on a connection that is gone.
    if (this.#link.isGone) return undefined
    const awaited = begin()
    let found: T | undefined
    let failure: Error | undefined
    await this.#link.wait((done) => {
      awaited.then(
        (value) => {
          found = value
          done()
        },
        (error: unknown) => {
          failure = error as Error
          done()
        },
      )
    })
    if (failure && !this.#link.isGone) throw failure
    return found
  }

  /** How many bytes went out, or what reading them failed with. */
  async #send(position: number, available: number): Promise<number | Error> {
    const outlet = available >= SENDFILE_BYTES_MIN ? this.#usableOutlet() : undefined
    if (!outlet) return await this.#copy(position, available)
    // The head too may be on its way.
    await this.#writing
    if (!outlet.isFull) {
      const taken = await outlet.send(this.#source.fd, position, available)
      this.sentBytes += taken
      if (taken > 0) return taken
    }
    const copied = await this.#copy(position, ROOM_BYTES)
    await this.#writing
    outlet.hasRoom()
    return copied
  }

  #usableOutlet(): Outlet | undefined {
    // Chunks have frames, which only the response knows how to write.
    if (this.#response.chunkedEncoding) return undefined
    this.#outlet ??= this.#sendfile?.outlet(this.#link.socket) ?? 'none'
    return this.#outlet === 'none' || this.#outlet.isUseless ? undefined : this.#outlet
  }

  async #copy(position: number, available: number): Promise<number | Error> {
    const buffer = takeBuffer(available)
    let isSent = false
    try {
      const length = Math.min(available, buffer.length)
      const read = await readAt(this.#source.fd, buffer, length, position)
      if (typeof read !== 'number') return read
      if (read === 0) return new Error('a stored file is shorter than it was')
      isSent = true
      await this.#write(buffer.subarray(0, read), buffer)
      return read
    } finally {
      if (!isSent) giveBuffer(buffer, true)
    }
  }

  async #write(bytes: Uint8Array, buffer?: Buffer): Promise<void> {
    await this.#writing
    if (this.#link.isGone) {
      if (buffer) giveBuffer(buffer, true)
      return
    }
    this.#watchdog.refresh()
    this.#writing = this.#link
      .wait((done) => this.#response.write(bytes, done))
      .then(() => {
        this.#writing = undefined
        this.sentBytes += bytes.byteLength
        if (buffer) giveBuffer(buffer, !this.#link.isGone)
      })
  }

  async close(): Promise<void> {
    await this.#writing
    clearTimeout(this.#watchdog)
    if (this.#outlet !== 'none') this.#outlet?.close()
  }
}

function readAt(
  fd: number,
  buffer: Buffer,
  length: number,
  position: number,
): Promise<number | Error> {
  return new Promise((resolve) => {
    read(fd, buffer, 0, length, position, (error, bytesRead) => resolve(error ?? bytesRead))
  })
}
