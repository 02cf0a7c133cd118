// Rows of words as aligned columns. Pure.

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** Cut where the terminal is too narrow, down to so many signs. */
  readonly shrinksTo?: number
  /** How; without it the end gives way to an ellipsis. */
  readonly cut?: typeof endCut
}

const GAP = '  '
const ELLIPSIS = '…'
/** Of what is in front of the ellipsis and behind it: names differ more at their ends. */
const HEAD_SHARE = 0.4
const TAG_OR_DIGEST = /(?:@[^/]*|:[^/:@]*)$/
const LONG_DIGEST = /((?:^|@)sha\d+:[0-9a-f]{12})[0-9a-f]+$/

/** `width`: of the terminal; undefined in a pipe, where nothing is cut. */
export function columnsText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const all = [columns.map(({ title }) => title), ...rows]
  const needed = columns.map((_, at) => Math.max(...all.map((row) => lengthOf(row[at]))))
  const widths = width === undefined ? needed : fitted(columns, needed, width)
  const cells = columns.map(({ cut = endCut }, at) =>
    cut(
      all.map((row) => row[at] ?? ''),
      widths[at] ?? 0,
    ),
  )
  return all.map((_, row) => `${lineOf(columns, cells, row, widths)}\n`).join('')
}

/** Whether all of it is shown. */
export function fits(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): boolean {
  return columnsText(columns, rows)
    .split('\n')
    .every((line) => line.length <= width)
}

function lineOf(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  row: number,
  widths: readonly number[],
): string {
  const line = columns.map(({ align }, at) => {
    const [text = '', width = 0] = [cells[at]?.[row], widths[at]]
    return align === 'right' ? text.padStart(width) : text.padEnd(width)
  })
  return line.join(GAP).trimEnd()
}

/** The widest gives way first. */
function fitted(
  columns: readonly Column[],
  needed: readonly number[],
  width: number,
): readonly number[] {
  const widths = [...needed]
  const total = (): number =>
    widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1))
  for (;;) {
    const over = total() - width
    const shrinkable = widths
      .map((each, at) => ({ at, least: columns[at]?.shrinksTo ?? Infinity, each }))
      .filter(({ each, least }) => each > least)
      .toSorted((one, other) => other.each - one.each)
    const [widest, next] = shrinkable
    if (over <= 0 || widest === undefined) return widths
    const least = Math.max(widest.least, Math.min(next?.each ?? 0, widest.each - 1))
    widths[widest.at] = Math.max(least, widest.each - over)
  }
}

function endCut(texts: readonly string[], width: number): readonly string[] {
  return texts.map((text) =>
    text.length > width ? text.slice(0, Math.max(0, width - 1)) + ELLIPSIS : text,
  )
}

/** In the middle, for what is told by its end; what would look like another one then stays whole. */
export function nameCut(texts: readonly string[], width: number): readonly string[] {
  const cut = texts.map((text) => middleCut(text, width))
  const meant = new Map<string, string | undefined>()
  for (const [at, short] of cut.entries()) {
    const text = texts[at]
    meant.set(short, !meant.has(short) || meant.get(short) === text ? text : undefined)
  }
  return cut.map((short, at) => (meant.get(short) === undefined ? (texts[at] ?? '') : short))
}

/** The tag, or the digest, is never cut. */
function middleCut(text: string, width: number): string {
  if (text.length <= width) return text
  const shown = width - ELLIPSIS.length
  const tail = TAG_OR_DIGEST.exec(text)?.[0].length ?? 0
  const behind = Math.max(tail, Math.ceil(shown * (1 - HEAD_SHARE)))
  if (behind >= shown) return text
  return text.slice(0, shown - behind) + ELLIPSIS + text.slice(-behind)
}

/** With the digest as short as `rm` takes it. */
export function withShortDigest(name: string): string {
  return name.replace(LONG_DIGEST, '$1')
}

function lengthOf(text: string | undefined): number {
  return text?.length ?? 0
}
