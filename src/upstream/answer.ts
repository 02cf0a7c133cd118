// One HTTP answer whose body has not been read yet, and the two bounded ways to be done with it.

import type { Readable } from 'node:stream'

/** POST is for tokens only. */
export type Method = 'GET' | 'HEAD' | 'POST'

export interface Answer {
  readonly url: URL
  readonly method: Method
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

/** The first value of a header. */
export function header(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A non-negative integer header; undefined where it is missing or anything else. */
export function numberHeader(answer: Pick<Answer, 'headers'>, name: string): number | undefined {
  const text = header(answer, name)?.trim() ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/**
 * Lets a body that nobody wants run out, so that its connection can be used again; what is larger or
 * slower than that is worth less than a new connection.
 */
export function discard(body: Readable, maxBytes: number, timeoutMs: number): void {
  let seen = 0
  const timer = setTimeout(() => body.destroy(), timeoutMs)
  body.once('close', () => clearTimeout(timer))
  body.on('data', (chunk: Buffer) => {
    seen += chunk.length
    if (seen > maxBytes) body.destroy()
  })
}

/** Undefined when there is more than `maxBytes`; the body is then destroyed. */
export async function readBounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop early destroys the stream behind it.
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
