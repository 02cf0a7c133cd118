// The block at the bottom of a terminal: images in flight, and a footer of one line or two. No line is as
// wide as the terminal: one that wraps could not be written over. Pure.

import type { WarmInFlight, WarmProgress } from '../care/warm-job.ts'
import { printable } from './printable.ts'
import {
  bytesText,
  percentText,
  progressParts,
  shareOf,
  shortName,
  waitText,
} from './warm-display-progress.ts'

export interface Terminal {
  readonly columns: number
  readonly rows: number
  readonly isUtf8: boolean
}

const IMAGES_SHOWN_MAX = 8
/** Of the terminal's rows: the footer, the line behind it, and one of what was said before. */
const ROWS_KEPT = 4
/** Smaller terminals have the footer only. */
const ROWS_FOR_IMAGES_MIN = 8
const COLUMNS_FOR_IMAGES_MIN = 40
const FOOTER_ROWS_MAX = 2

const GAP = '  '
const BAR_WIDTH = 16
/** Columns that grow and shrink with each number are hard to read. */
const BYTES_WIDTH = 20
const PERCENT_WIDTH = 5
const NAME_WIDTH_MIN = 16
const NAME_WIDTH_MAX = 48

const UTF8 = { full: '█', empty: '░', ellipsis: '…', dot: ' · ' } as const
const ASCII = { full: '#', empty: '-', ellipsis: '~', dot: ' | ' } as const

/** How wide a terminal shows any other is not known: some take two columns, some none. */
const UNKNOWN_WIDTH = /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u02ff\u2588\u2591\u2026]/gu
const TAG_OR_DIGEST = /(?:@[^/]*|:[^/:@]*)$/

type Signs = typeof UTF8 | typeof ASCII

export function blockLines(progress: WarmProgress, terminal: Terminal): readonly string[] {
  const width = Math.max(1, terminal.columns - 1)
  const signs = terminal.isUtf8 ? UTF8 : ASCII
  const lines = [
    ...imageLines(progress, terminal, width, signs),
    // With the row of the cursor it has to fit on the screen.
    ...footer(progress, width, signs).slice(0, terminal.rows - 1),
  ]
  return lines.map((line) => endCut(line, width, signs).trimEnd())
}

function imageLines(
  { inFlight, running }: WarmProgress,
  { columns, rows }: Terminal,
  width: number,
  signs: Signs,
): readonly string[] {
  if (rows < ROWS_FOR_IMAGES_MIN || columns < COLUMNS_FOR_IMAGES_MIN) return []
  const most = Math.min(IMAGES_SHOWN_MAX, rows - ROWS_KEPT)
  const all = Math.max(running, inFlight.length)
  const shown = inFlight.slice(0, all > most ? most - 1 : most)
  const lines = shownLines(shown, width, signs)
  return all > shown.length ? [...lines, `+${all - shown.length} more`] : lines
}

/** The name has what it needs first, then the percentage, the bytes and the bar. */
function shownLines(
  images: readonly WarmInFlight[],
  width: number,
  signs: Signs,
): readonly string[] {
  const names = images.map(({ reference }) => shortName(reference))
  const longest = Math.min(NAME_WIDTH_MAX, widest(names))
  const bars = images.map((image) => barOf(image, signs))
  const sizes = images.map(({ doneBytes, totalBytes }) => bytesText(doneBytes, totalBytes))
  const bytes = alignedRight(sizes, BYTES_WIDTH)
  const percents = alignedRight(
    images.map((image) => percentText(image) ?? ''),
    PERCENT_WIDTH,
  )
  const least = Math.min(longest, NAME_WIDTH_MIN)
  const taken = (columns: readonly (readonly string[])[]): number =>
    columns.reduce((sum, column) => sum + GAP.length + widest(column), 0)
  const columns =
    [[bars, bytes, percents], [bytes, percents], [percents]].find(
      (some) => least + taken(some) <= width,
    ) ?? []
  const room = Math.min(longest, width - taken(columns))
  return names.map((name, at) =>
    [nameCut(name, room, signs).padEnd(room), ...columns.map((column) => column[at])].join(GAP),
  )
}

function alignedRight(texts: readonly string[], least: number): readonly string[] {
  return texts.map((text) => text.padStart(Math.max(least, widest(texts))))
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length))
}

/** Blank where nobody knows how much it will be. */
function barOf({ doneBytes, totalBytes }: WarmInFlight, { full, empty }: Signs): string {
  if (totalBytes === undefined) return ' '.repeat(BAR_WIDTH)
  const share = totalBytes > 0 ? shareOf(doneBytes, totalBytes) : 0
  const done = Math.floor(share * BAR_WIDTH)
  return full.repeat(done) + empty.repeat(BAR_WIDTH - done)
}

/** What it waits for has the last line to itself. */
function footer(progress: WarmProgress, width: number, signs: Signs): readonly string[] {
  const wait = waitText(progress)
  const parts = progressParts(progress)
  if (wait === undefined) return flowed(parts, width, FOOTER_ROWS_MAX, signs)
  return [...flowed(parts, width, FOOTER_ROWS_MAX - 1, signs), printable(wait)]
}

/** As many as fit into so many lines. */
function flowed(
  parts: readonly string[],
  width: number,
  linesMax: number,
  { dot }: Signs,
): readonly string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + dot.length + part.length <= width) {
      lines[lines.length - 1] = last + dot + part
    } else if (lines.length < linesMax) lines.push(part)
    else break
  }
  return lines
}

function endCut(line: string, width: number, { ellipsis }: Signs): string {
  const shown = line.replace(UNKNOWN_WIDTH, '?')
  return shown.length > width ? shown.slice(0, width - 1) + ellipsis : shown
}

/** In the middle: the tag tells images of one repository apart. */
function nameCut(name: string, width: number, signs: Signs): string {
  if (name.length <= width) return name
  const tail = TAG_OR_DIGEST.exec(name)?.[0].length ?? 0
  const behind = Math.max(tail, Math.ceil(width / 2))
  if (behind >= width - 1) return signs.ellipsis + name.slice(1 - width)
  return name.slice(0, width - 1 - behind) + signs.ellipsis + name.slice(-behind)
}
