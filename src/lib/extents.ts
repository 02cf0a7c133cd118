// A set of byte ranges `[start, end)`, sorted, never touching: what of a file is there.

export interface Extent {
  readonly start: number
  readonly end: number
}

/** `extents` with `added` merged in; touching and overlapping ranges become one. */
export function addExtent(extents: readonly Extent[], added: Extent): Extent[] {
  if (added.end <= added.start) return [...extents]
  let { start, end } = added
  const apart: Extent[] = []
  for (const extent of extents) {
    if (extent.end < start || extent.start > end) apart.push(extent)
    else {
      start = Math.min(start, extent.start)
      end = Math.max(end, extent.end)
    }
  }
  return [...apart, { start, end }].sort((a, b) => a.start - b.start)
}

/** The end of the extent that holds `position`; `position` itself where there is none. */
export function extentEnd(extents: readonly Extent[], position: number): number {
  for (const extent of extents) {
    if (extent.start <= position && position < extent.end) return extent.end
  }
  return position
}

/** The first missing range at or after `position`; its end is undefined when nothing follows it. */
export function gapAfter(
  extents: readonly Extent[],
  position: number,
): { start: number; end: number | undefined } {
  const start = extentEnd(extents, position)
  const next = extents.find((extent) => extent.start > start)
  return { start, end: next?.start }
}

export function extentBytes(extents: readonly Extent[]): number {
  return extents.reduce((sum, extent) => sum + extent.end - extent.start, 0)
}
