// Ranges of a blob: how one is asked for, and whether the answer is the one asked for. Pure.

export interface ByteRange {
  readonly start: number
  /** Inclusive; without it the range is open. */
  readonly end?: number
}

export interface BodyExtent {
  readonly start: number
  /** Of the body as it travels; undefined where nothing tells. */
  readonly bodyBytes: number | undefined
  readonly totalBytes: number | undefined
}

export interface ExtentHeaders {
  readonly status: number
  readonly contentRange: string | undefined
  readonly contentLength: number | undefined
  /** A Content-Encoding that has to be undone: then no header tells the size of the blob. */
  readonly encoded: boolean
}

export function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ''}`
}

/** What the body is, or in words why the answer cannot be right. */
export function bodyExtent(
  asked: ByteRange | undefined,
  { status, contentRange, contentLength, encoded }: ExtentHeaders,
): BodyExtent | string {
  if (status === 200) {
    if (asked && encoded) return 'an encoded body to a range request'
    const totalBytes = encoded ? undefined : contentLength
    return { start: 0, bodyBytes: contentLength, totalBytes }
  }
  if (!asked) return 'a part that nobody asked for'
  if (encoded) return 'an encoded body to a range request'
  const sent = parseContentRange(contentRange)
  if (!sent) return 'a part without a readable Content-Range'
  const fits = sent.start === asked.start && sent.end <= (asked.end ?? Infinity)
  if (!fits) return `another part (${sent.start}-${sent.end}) than the one asked for`
  const bodyBytes = sent.end - sent.start + 1
  if (contentLength !== undefined && contentLength !== bodyBytes) {
    return `a part of ${bodyBytes} bytes with a Content-Length of ${contentLength}`
  }
  return { start: sent.start, bodyBytes, totalBytes: sent.totalBytes }
}

/** RFC 9110 section 14.4; the total may be `*`. */
export function parseContentRange(
  text: string | undefined,
): { start: number; end: number; totalBytes: number | undefined } | undefined {
  const match = /^bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(text?.trim() ?? '')
  if (!match) return undefined
  const [start, end] = [Number(match[1]), Number(match[2])]
  const totalBytes = match[3] === '*' ? undefined : Number(match[3])
  return start <= end && end < (totalBytes ?? Infinity) ? { start, end, totalBytes } : undefined
}
