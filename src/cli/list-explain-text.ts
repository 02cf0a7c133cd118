// What `list explain` prints of a line: the images it stands for and how each came in, and why other
// tags fall away. Pure.

import type { WarmLine, WarmLineImage } from '../care/warm-job.ts'
import { formatBytes } from '../lib/units.ts'
import type { ChosenBy, DropReason } from '../list/list-entry.ts'
import { columnsText, nameCut, withShortDigest } from './columns.ts'
import type { Column } from './columns.ts'
import { printable } from './printable.ts'
import { count, placeText } from './warm-words.ts'
import { wrapped } from './wrapped.ts'

const INDENT = '  '
const UNKNOWN = '-'

const COLUMNS: readonly Column[] = [
  { title: 'IMAGE', shrinksTo: 16, cut: nameCut },
  { title: 'BECAUSE', shrinksTo: 8 },
  { title: 'NOW' },
  { title: 'PLATFORMS', shrinksTo: 11 },
]
const SIZES: readonly Column[] = [
  { title: 'SIZE', align: 'right' },
  { title: 'MISSING', align: 'right' },
]

const CHOSEN: Readonly<Record<ChosenBy, string>> = {
  written: 'named in the line',
  pattern: 'matches',
  latest: 'the line has no tag',
  'newest-version': 'there is no latest: the newest version',
  used: 'pulled by clients',
}

const STATUS: Readonly<Record<WarmLineImage['status'], string>> = {
  fresh: 'held',
  warmed: 'held',
  stale: 'to fetch',
  failed: 'failed',
  left: 'left out',
}

/** Behind their number: of one, and of more. */
const DROPPED: Readonly<Record<DropReason, readonly [string, string]>> = {
  'no-tag': ['that cannot be a tag', 'that cannot be tags'],
  unmatched: ['not matched', 'not matched'],
  semver: ['not in the range of semver=', 'not in the range of semver='],
  variant: ['not of this variant', 'not of this variant'],
  excluded: ['left out by @exclude', 'left out by @exclude'],
  not: ['left out by not=', 'left out by not='],
  blocked: ['blocked by "!"', 'blocked by "!"'],
  'no-version': ['that is no version', 'that are no versions'],
  prerelease: ['prerelease beside releases', 'prereleases beside releases'],
  'same-version': ['other name of a version', 'other names of versions'],
  older: ['older version', 'older versions'],
}

/** `width`: of the terminal; undefined in a pipe, where nothing is cut. */
export function explainText(line: WarmLine, isSourceNamed: boolean, width?: number): string {
  const { images, dropped } = line
  const inner = width === undefined ? undefined : width - INDENT.length
  return [
    ...breakable(headText(line, isSourceNamed), width),
    ...(images.length === 0 ? [] : indented(imageTable(images, inner))),
    ...images.flatMap((image) => reasonLines(image, inner)),
    ...(dropped.length === 0 ? [] : indented(droppedText(line, inner))),
    ...(line.problem === undefined ? [] : said(line.problem, inner)),
    '',
  ]
    .map((each) => `${each}\n`)
    .join('')
}

/** `line 12: redis:7.* newest=2: 2 of the 143 tags of docker.io/library/redis` */
function headText({ place, text, name, listed, images }: WarmLine, isSourceNamed: boolean): string {
  const where = placeText(place, isSourceNamed)
  const of =
    listed === undefined
      ? `${count(images.length, 'image')} of ${name}`
      : `${count(images.length, 'image')}; ${name} has ${count(listed, 'tag')}`
  return printable(`${where === '' ? '' : `${where}: `}${text.trim()}: ${of}`)
}

function imageTable(images: readonly WarmLineImage[], width: number | undefined): string {
  const isSizeKnown = images.some(({ totalBytes }) => totalBytes !== undefined)
  const rows = images.map((image) => [
    printable(width === undefined ? image.reference : withShortDigest(image.reference)),
    CHOSEN[image.by],
    STATUS[image.status],
    image.platforms.join(', ') || UNKNOWN,
    ...(isSizeKnown ? [bytesText(image.totalBytes), bytesText(image.missingBytes)] : []),
  ])
  return columnsText(isSizeKnown ? [...COLUMNS, ...SIZES] : COLUMNS, rows, width)
}

function reasonLines({ reference, because }: WarmLineImage, width: number | undefined): string[] {
  if (because === undefined) return []
  return said(because.startsWith(reference) ? because : `${reference}: ${because}`, width)
}

/** `not selected: 120 not matched (1.0, 2.8, ...), 19 not of this variant (7.4, ...)` */
function droppedText({ dropped }: WarmLine, width: number | undefined): string {
  const parts = dropped.map(({ because, count: number, examples }) => {
    const more = number > examples.length ? ', ...' : ''
    const [one, many] = DROPPED[because]
    return `${number} ${number === 1 ? one : many} (${examples.join(', ')}${more})`
  })
  return breakable(printable(`not selected: ${parts.join('; ')}`), width).join('\n')
}

function said(sentence: string, width: number | undefined): string[] {
  return indented(breakable(printable(sentence), width).join('\n'))
}

function breakable(text: string, width: number | undefined): string[] {
  return width === undefined ? [text] : wrapped(text, width, INDENT.length).split('\n')
}

function indented(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => INDENT + line)
}

function bytesText(bytes: number | undefined): string {
  return bytes === undefined ? UNKNOWN : formatBytes(bytes)
}

/** `30 lines stand for 74 images: 60 held, 12 to fetch, 2 failed; 3 lines fail` */
export function explainSentence(lines: readonly WarmLine[]): string {
  const images = new Map(
    lines.flatMap((line) => line.images.map((image) => [image.reference, image] as const)),
  )
  const statuses = [...images.values()].map(({ status }) => STATUS[status])
  const counts = [...new Set(Object.values(STATUS))].flatMap((status) => {
    const number = statuses.filter((each) => each === status).length
    return number === 0 ? [] : [`${number} ${status}`]
  })
  const failing = lines.filter(isFailing).length
  const verb = lines.length === 1 ? 'stands' : 'stand'
  return [
    `${count(lines.length, 'line')} ${verb} for ${count(images.size, 'image')}` +
      (counts.length === 0 ? '' : `: ${counts.join(', ')}`),
    ...(failing === 0 ? [] : [`${count(failing, 'line')} ${failing === 1 ? 'fails' : 'fail'}`]),
  ].join('; ')
}

/** As in a run of `warm`: it stands for too little or too much, or for what is not there. */
export function isFailing({ images, problem }: WarmLine): boolean {
  return problem !== undefined || images.some(({ status }) => status === 'failed')
}
