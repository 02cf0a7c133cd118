// The parts of a multipart/byteranges body.

export interface BodyPart {
  readonly contentRange: string
  readonly bytes: Buffer
}

export function parseByteRanges(contentType: string, body: Buffer): BodyPart[] {
  const boundary = /^multipart\/byteranges;.*\bboundary="?([^";]+)"?/i.exec(contentType)?.[1]
  if (boundary === undefined) throw new Error(`not multipart/byteranges: ${contentType}`)
  const parts: BodyPart[] = []
  const delimiter = `--${boundary}`
  let at = body.indexOf(delimiter)
  while (at >= 0) {
    const head = at + delimiter.length
    if (body.toString('latin1', head, head + 2) === '--') return parts
    const headEnd = body.indexOf('\r\n\r\n', head)
    const fields = body.toString('latin1', head, headEnd)
    const contentRange = /^content-range: *(.+)$/im.exec(fields)?.[1]?.trim() ?? ''
    const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(contentRange) ?? []
    const start = headEnd + 4
    const end = start + Number(last) - Number(first) + 1
    if (!(end > start)) throw new Error(`a part has no Content-Range: ${fields}`)
    parts.push({ contentRange, bytes: body.subarray(start, end) })
    at = body.indexOf(`\r\n${delimiter}`, end)
    if (at !== end) throw new Error(`a part is not as long as it says: ${contentRange}`)
    at += 2
  }
  throw new Error('the multipart body has no end')
}
