// Content-Encoding, undone where a registry or CDN sends it although it was asked not to.

import { pipeline, Readable } from 'node:stream'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import { UpstreamError } from '../errors.ts'

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd: () => zlib.createZstdDecompress(),
}

/** S3 keeps aws-chunked in the header of objects that were uploaded so; the bytes are plain. */
const PLAIN: ReadonlySet<string> = new Set(['', 'identity', 'aws-chunked'])

/** The codings in the order they were applied; undefined where one of them is unknown. */
export function contentCodings(header: string | undefined): string[] | undefined {
  const codings = (header ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !PLAIN.has(coding))
  return codings.every((coding) => Object.hasOwn(DECODERS, coding)) ? codings : undefined
}

/** `label` names the sender in errors. Failures of `bytes` itself come through as they are. */
export function decode(
  bytes: AsyncIterable<Uint8Array>,
  codings: readonly string[],
  label: string,
): AsyncIterable<Uint8Array> {
  if (codings.length === 0) return bytes
  const message = `${label} sent a broken ${codings.join(', ')} body`
  return decodedChunks(bytes, codings, message)
}

// A generator, so that nothing is read ahead of the first call.
async function* decodedChunks(
  bytes: AsyncIterable<Uint8Array>,
  codings: readonly string[],
  message: string,
): AsyncGenerator<Uint8Array> {
  const decoders = codings.toReversed().flatMap((coding) => DECODERS[coding]?.() ?? [])
  // With a callback an error is nobody's unhandled event: the loop below gets it.
  const decoded = pipeline([Readable.from(bytes), ...decoders], () => {})
  try {
    for await (const chunk of decoded as Transform) yield chunk as Uint8Array
  } catch (error) {
    if (error instanceof UpstreamError) throw error
    throw new UpstreamError('bad-response', message, { cause: error })
  }
}
