// `node discard-process.ts JOB`: downloads for `discard.ts`. The kernel throws the bytes away before
// they are copied (recv with MSG_TRUNC, tcp(7)), which costs 0.1 to 0.17 s of CPU for a GB where curl
// takes 0.35 to 0.45: on a machine of two cores, curl would be what is measured of a quick server.
// Under TLS the bytes are thrown away as they come, encrypted: a client's decrypting costs as much as
// the encrypting that is measured.
import { closeSync, openSync, readSync } from 'node:fs'
import type { Asked, DiscardJob } from './discard.ts'
import { openPlain, openTls } from './discard-socket.ts'
import type { DiscardSocket } from './discard-socket.ts'

const COMPARE_EVERY = 32
const MAX_RECORD_BYTES = 2 ** 14
// RFC 8446 section 5.2, with the 16 bytes that AES-GCM adds.
const RECORD_OVERHEAD_BYTES = 5 + 1 + 16

const job = JSON.parse(process.argv[2] ?? '') as DiscardJob
const seconds = await (job.authority === undefined ? allPlain() : allTls(job.authority))
console.log(JSON.stringify({ seconds }))
process.exit()

async function allPlain(): Promise<number> {
  const sockets = await Promise.all(job.connections.map(() => openPlain(job.url)))
  return await timed(
    job.connections.map(async (asked, at) => {
      const socket = sockets[at]
      for (const [n, one] of asked.entries()) {
        if (socket) await takePlain(socket, one, job.file !== undefined && n % COMPARE_EVERY === 0)
      }
    }),
  )
}

async function takePlain(socket: DiscardSocket, asked: Asked, isCompared: boolean): Promise<void> {
  const { from, size } = asked
  const range = from === undefined ? '' : `range: bytes=${from}-${from + size - 1}\r\n`
  await socket.ask(range)
  const { text, bytes } = await socket.peekHead()
  const isRight =
    from === undefined
      ? text.startsWith('HTTP/1.1 200 ')
      : text.startsWith('HTTP/1.1 206 ') &&
        text.toLowerCase().includes(`\r\ncontent-range: bytes ${from}-${from + size - 1}/`)
  if (!isRight || !text.toLowerCase().includes(`\r\ncontent-length: ${size}\r\n`)) {
    throw new Error(`${job.url}: not the ${size} bytes asked for, but ${text}`)
  }
  if (!isCompared) return await socket.discard(bytes + size)
  const body = (await socket.receive(bytes + size)).subarray(bytes)
  if (!body.equals(expected(from ?? 0, size))) throw new Error(`${job.url}: wrong bytes at ${from}`)
}

function expected(from: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  const file = openSync(job.file ?? '', 'r')
  readSync(file, bytes, 0, size, from)
  closeSync(file)
  return bytes
}

// A connection for each pull: how many encrypted bytes an answer has is known at its end only.
async function allTls(authority: string): Promise<number> {
  const first = await Promise.all(job.connections.map(() => openTls(job.url, authority)))
  return await timed(
    job.connections.map(async (asked, at) => {
      for (const [n, { size }] of asked.entries()) {
        const socket = n === 0 ? first[at] : await openTls(job.url, authority)
        await socket?.ask('connection: close\r\n')
        const got = (await socket?.discardToEnd()) ?? 0
        const least = size + Math.ceil(size / MAX_RECORD_BYTES) * RECORD_OVERHEAD_BYTES
        if (got < least) throw new Error(`${job.url}: ${got} encrypted bytes, less than ${least}`)
      }
    }),
  )
}

async function timed(work: readonly Promise<void>[]): Promise<number> {
  const started = performance.now()
  await Promise.all(work)
  return (performance.now() - started) / 1000
}
