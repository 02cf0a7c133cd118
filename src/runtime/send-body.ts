// Sends slices of a file, which may still be growing, as the body of a response.

import { read } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { ByteSource, FileBody } from '../lib/byte-source.ts'
import { giveBuffer, takeBuffer } from './buffers.ts'
import type { Link } from './link.ts'

export interface SendOptions {
  /** A client that takes nothing for this long is cut. */
  readonly idleTimeoutMs: number
}

/** Resolves to the bytes handed to the connection; rejects where the source cannot go on. */
export async function sendBody(
  body: FileBody,
  response: ServerResponse,
  link: Link,
  options: SendOptions,
): Promise<number> {
  const sender = new Sender(body.source, response, link, options)
  try {
    for (const part of body.parts) {
      if (part instanceof Uint8Array) await sender.literal(part)
      else await sender.slice(part.start, part.end)
    }
    return sender.sentBytes
  } finally {
    await sender.close()
  }
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
  #writing: Promise<void> | undefined
  sentBytes = 0

  constructor(source: ByteSource, response: ServerResponse, link: Link, options: SendOptions) {
    this.#source = source
    this.#response = response
    this.#link = link
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
      if (available > 0) position += await this.#copy(position, available)
      else await this.#waitFor(position)
    }
  }

  /** The head goes out before a wait, so that nobody takes a slow download for a dead mirror. */
  async #waitFor(position: number): Promise<void> {
    if (!this.#response.headersSent || this.sentBytes === 0) this.#response.flushHeaders()
    // The link waits for one thing at a time.
    await this.#writing
    // Nobody would hear of a failure: the wait below does not begin on a connection that is gone.
    if (this.#link.isGone) return
    const arrived = this.#source.arrived(position)
    let failure: Error | undefined
    await this.#link.wait((done) => {
      arrived.then(done, (error: unknown) => {
        failure = error as Error
        done()
      })
    })
    if (failure && !this.#link.isGone) throw failure
    const isEnd = this.#source.sizeBytes === position
    if (!isEnd && !this.#link.isGone && this.#source.available(position) <= 0) {
      throw new Error('a source woke its reader without bytes')
    }
  }

  async #copy(position: number, available: number): Promise<number> {
    const buffer = takeBuffer()
    let isSent = false
    try {
      const length = Math.min(available, buffer.length)
      const bytesRead = await readAt(this.#source.fd, buffer, length, position)
      if (bytesRead === 0) throw new Error('a stored file is shorter than it was')
      isSent = true
      await this.#write(buffer.subarray(0, bytesRead), buffer)
      return bytesRead
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
  }
}

function readAt(fd: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, length, position, (error, bytesRead) => {
      if (error) reject(error)
      else resolve(bytesRead)
    })
  })
}
