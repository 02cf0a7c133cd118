// Rows of words as aligned columns. Pure.

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** Cut with an ellipsis where the terminal is too narrow, down to so many signs. */
  readonly shrinksTo?: number
}

const GAP = '  '

/** `width`: of the terminal; undefined in a pipe, where nothing is cut. */
export function columnsText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const all = [columns.map(({ title }) => title), ...rows]
  const needed = columns.map((_, at) => Math.max(...all.map((row) => lengthOf(row[at]))))
  const widths = width === undefined ? needed : fitted(columns, needed, width)
  return all.map((row) => `${lineOf(columns, row, widths)}\n`).join('')
}

function lineOf(
  columns: readonly Column[],
  row: readonly string[],
  widths: readonly number[],
): string {
  const cells = columns.map(({ align }, at) => {
    const width = widths[at] ?? 0
    const text = cut(row[at] ?? '', width)
    return align === 'right' ? text.padStart(width) : text.padEnd(width)
  })
  return cells.join(GAP).trimEnd()
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

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}

function lengthOf(text: string | undefined): number {
  return text?.length ?? 0
}
