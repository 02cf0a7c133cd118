// The body of a good answer, held to the length it promised, its encoding undone.

import { header, numberHeader, readBounded } from './answer.ts'
import type { Answer } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { contentCodings, decode } from './encoding.ts'
import { flowing } from './flowing.ts'
import { transportFailure } from './transport-failure.ts'
import type { Peer } from './transport-failure.ts'

/** For what is small; `what` is its word in the error about more than `maxBytes`. */
export async function readWhole(
  answer: Answer,
  peer: Peer,
  maxBytes: number,
  what: string,
): Promise<Buffer> {
  const bodyBytes = numberHeader(answer, 'content-length')
  const codings = codingsOf(answer, peer)
  const tooLarge = (bodyBytes ?? 0) > maxBytes
  if (tooLarge) answer.body.destroy()
  const body = openBody(answer, { bodyBytes, codings, peer })
  const bytes = tooLarge ? undefined : await readBounded(body, maxBytes)
  if (bytes) return bytes
  const message = `${peer.registry}: ${peer.host} sent ${what} of more than ${maxBytes} bytes`
  throw new AttemptError('bad-response', message)
}

/** Codings to undo; throws where there is one that nobody here knows. */
export function codingsOf(answer: Answer, peer: Peer): string[] {
  const encoding = header(answer, 'content-encoding')
  const codings = contentCodings(encoding)
  if (codings) return codings
  answer.body.destroy()
  const message = `${peer.registry}: ${peer.host} sent an unknown Content-Encoding`
  throw new AttemptError('bad-response', message)
}

/**
 * Reads at the pace of the reader. Leaving the loop early closes the connection. `bodyBytes` is the
 * length as it travels, before decoding.
 */
export function openBody(
  answer: Answer,
  options: { bodyBytes: number | undefined; codings: readonly string[]; peer: Peer },
): AsyncIterable<Uint8Array> {
  const { bodyBytes, codings, peer } = options
  return decode(counted(answer, bodyBytes, peer), codings, `${peer.registry}: ${peer.host}`)
}

async function* counted(
  { body }: Answer,
  bodyBytes: number | undefined,
  peer: Peer,
): AsyncGenerator<Uint8Array> {
  const label = `${peer.registry}: ${peer.host}`
  let seen = 0
  try {
    for await (const chunk of flowing(body)) {
      seen += chunk.length
      if (seen > (bodyBytes ?? Infinity)) {
        throw new AttemptError(
          'bad-response',
          `${label} sent more than the ${bodyBytes} bytes promised`,
        )
      }
      yield chunk
    }
  } catch (error) {
    throw transportFailure(error, peer)
  }
  if (seen < (bodyBytes ?? 0)) {
    const message = `${label} closed the connection after ${seen} of ${bodyBytes} bytes`
    throw new AttemptError('unreachable', message, { transient: true })
  }
}
