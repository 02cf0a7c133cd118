// Which options make sense on which line. In a line's own it is a mistake when one does not; of
// `@defaults`, which stands for many lines, it is passed over there.

import type { EntryOptions } from './list-entry.ts'
import { isNamePattern } from './name-pattern.ts'
import type { WrittenEntry } from './statement.ts'

type Line = Pick<WrittenEntry, 'name' | 'selectors'>
type Option = keyof EntryOptions

/** They choose among tags that something else selected. */
const CHOOSING = ['newest', 'semver', 'variant'] as const
const OF_PATTERNS: readonly Option[] = [...CHOOSING, 'min']
/** A name with `*` means whatever was used under it. */
const OF_ONE_REPOSITORY: readonly Option[] = [...OF_PATTERNS, 'bare']

interface Misfit {
  readonly option: Option
  readonly message: string
}

/** What is wrong with a line's own options beside its reference, and beside each other. */
export function misfitsOf(line: Line, own: EntryOptions): readonly Misfit[] {
  const misfits = optionNames(own).flatMap((option) => {
    const message = misfit(option, line)
    return message === undefined ? [] : [{ option, message }]
  })
  const conflict = conflictOf(own)
  return misfits.length === 0 && conflict ? [conflict] : misfits
}

/** Options that contradict each other, on a line or in `@defaults`. */
export function conflictOf(options: EntryOptions): Misfit | undefined {
  const { bare, min, max } = options
  if (min !== undefined && max !== undefined && min > max) {
    return { option: 'min', message: `min=${min} and max=${max} leave no number of tags` }
  }
  const choosing = CHOOSING.find((option) => options[option] !== undefined)
  if (bare === undefined || choosing === undefined) return undefined
  const message = `${choosing}= chooses among all tags and bare=${bare} among others: write one of them`
  return { option: 'bare', message }
}

/** A line's own options, and of those of `@defaults` what makes sense beside them. */
export function effectiveOptions(
  line: Line,
  own: EntryOptions,
  defaults: EntryOptions,
): EntryOptions {
  let options = own
  // What chooses goes before `bare`: with it, a line without tags selects among all of them.
  for (const option of [...CHOOSING, ...optionNames(defaults)]) {
    if (options[option] !== undefined || defaults[option] === undefined) continue
    const more = { ...options, [option]: defaults[option] }
    if (misfit(option, line) === undefined && conflictOf(more) === undefined) options = more
  }
  return options
}

function misfit(option: Option, { name, selectors }: Line): string | undefined {
  if (isNamePattern(name)) {
    if (!OF_ONE_REPOSITORY.includes(option)) return undefined
    return `this line means what is used under ${name}: ${option}= is for lines of one repository`
  }
  if (selectors.length === 0) return undefined
  if (option === 'bare') return 'bare= tells what a line without tags means, and this line has some'
  const hasPattern = selectors.some((selector) => 'pattern' in selector)
  if (hasPattern || !OF_PATTERNS.includes(option)) return undefined
  return `${option}= is about tags that a pattern selects: this line names its tags itself`
}

function optionNames(options: EntryOptions): readonly Option[] {
  return Object.keys(options) as Option[]
}
