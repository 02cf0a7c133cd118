// A stream of bytes → its lines, none of them longer than allowed.

import { StringDecoder } from 'node:string_decoder'

/** Throws where a line is too long. What is left without an end is no line. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  lineMaxBytes: number,
): AsyncGenerator<string, void> {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let size = 0
  for await (const chunk of chunks) {
    const pieces = decoder.write(chunk).split('\n')
    const rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      yield parts.join('') + piece
      parts = []
      size = 0
    }
    parts.push(rest)
    size += rest.length
    if (size > lineMaxBytes) throw new Error(`a line is longer than ${lineMaxBytes} bytes`)
  }
}
