// The one kind of Range header our test servers honour: a single closed, open or suffix range.

export interface ByteRange {
  readonly start: number
  readonly end: number // not included
}

// undefined: no range was asked for (or several, which may be ignored). 'unsatisfiable': 416.
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  return start < end ? { start, end } : 'unsatisfiable'
}
