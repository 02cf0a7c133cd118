// What a line says, as text: one form for each meaning, which reads back as the same.

import { formatDuration, formatSize } from '../lib/units.ts'
import type { EntryOptions, ListEntry, Selector } from './list-entry.ts'
import type {
  Directive,
  Statement,
  TagRule,
  WrittenBlock,
  WrittenRegistryRule,
  WrittenWindow,
} from './statement.ts'

export function statementText(statement: Statement): string {
  switch (statement.kind) {
    case 'entry':
      return entryText(statement.entry, statement.entry.options)
    case 'block':
      return blockText(statement.block)
    case 'directive':
      return directiveText(statement.directive)
  }
}

/** The name as given, the tags in their order, the options in theirs. */
export function entryText(
  { name, selectors }: Pick<ListEntry, 'name' | 'selectors'>,
  options: EntryOptions,
): string {
  return [name + selectorsText(selectors), ...optionWords(options)].join(' ')
}

export function blockText({ name, tags }: WrittenBlock): string {
  return `!${name}${tags === undefined ? '' : `:${tags}`}`
}

export function directiveText(directive: Directive): string {
  return [`@${directive.kind}`, ...directiveWords(directive)].join(' ')
}

function directiveWords(directive: Directive): readonly string[] {
  switch (directive.kind) {
    case 'defaults':
      return optionWords(directive.options)
    case 'include':
      return [quotedWhereNeeded(directive.file)]
    case 'exclude':
      return directive.rules.map(ruleText)
    case 'registry':
      return registryWords(directive.rule)
    case 'window':
      return windowWords(directive.window)
    case 'bandwidth':
      return [`${formatSize(directive.bytesPerSecond)}/s`]
  }
}

function selectorsText(selectors: readonly Selector[]): string {
  const [first] = selectors
  if (first === undefined) return ''
  if (first.kind === 'digest') return `@${first.digest}`
  const tags = selectors.map((selector) => {
    if (selector.kind === 'digest') return selector.digest
    return selector.kind === 'tag' ? selector.tag : ruleText(selector)
  })
  const digest = first.kind === 'tag' && first.digest !== undefined ? `@${first.digest}` : ''
  return `:${tags.join(',')}${digest}`
}

function ruleText({ kind, pattern }: TagRule): string {
  return kind === 'glob' || pattern.startsWith('^') ? pattern : `/${pattern}/`
}

/** Which tags, how many of them, what of each, when, for how long. */
function optionWords(options: EntryOptions): readonly string[] {
  const { usedMs, isOptional, referrers, every, keep, maxSizeBytes, semver, variant } = options
  return words([
    ['bare', options.bare],
    ['newest', options.newest],
    ['semver', semver === undefined ? undefined : quotedWhereNeeded(semver)],
    ['variant', variant === undefined ? undefined : quotedWhereNeeded(variant)],
    ['not', options.not?.join(',')],
    ['used', durationText(usedMs)],
    ['min', options.min],
    ['max', options.max],
    ['optional', isOptional],
    ['platforms', options.platforms?.join(',')],
    ['referrers', typeof referrers === 'object' ? referrers.join(',') : referrers],
    ['every', durationText(every)],
    ['keep', durationText(keep)],
    ['priority', options.priority],
    ['max-size', maxSizeBytes === undefined ? undefined : formatSize(maxSizeBytes)],
  ])
}

/** What is not said is left out; what is only true needs no value. */
function words(
  said: readonly (readonly [string, string | number | boolean | undefined])[],
): readonly string[] {
  return said.flatMap(([key, value]) => {
    if (value === undefined || value === false) return []
    return value === true ? [key] : [`${key}=${value}`]
  })
}

function durationText(value: number | string | undefined): string | undefined {
  return typeof value === 'number' ? formatDuration(value) : value
}

function registryWords(rule: WrittenRegistryRule): readonly string[] {
  const { host, reserve, jobs, requestsPerSecond, aliases } = rule
  const alias = aliases.length === 0 ? undefined : aliases.join(',')
  const said = words([
    ['reserve', reserve],
    ['jobs', jobs],
    ['rps', requestsPerSecond],
    ['alias', alias],
  ])
  return [host, ...said]
}

function windowWords({ from, to, timeZone }: WrittenWindow): readonly string[] {
  const times = `${timeOfDay(from)}-${timeOfDay(to)}`
  return timeZone === undefined ? [times] : [times, `tz=${timeZone}`]
}

function timeOfDay(minutes: number): string {
  const two = (count: number): string => String(count).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** Without a value there would be nothing to read, a blank ends a word, and "#" begins a comment. */
function quotedWhereNeeded(value: string): string {
  return value === '' || /^#|[ \t]/.test(value) ? `"${value}"` : value
}
