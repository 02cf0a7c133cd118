// A line that begins with "@": what it says of the lines below it, or of the whole list.

import { conflictOf } from './fitting-options.ts'
import { didYouMean, quoted, readAs } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import { parseBandwidth } from './parse-bandwidth.ts'
import { parseOptions } from './parse-options.ts'
import { parseRegistryRule } from './parse-registry-rule.ts'
import { parseTagRules } from './parse-tags.ts'
import { parseWindow } from './parse-window.ts'
import type { Directive, TagRule } from './statement.ts'
import { unquoted } from './words.ts'
import type { Word } from './words.ts'

/** Or every mistake in it. */
type ReadDirective = { readonly value: Directive } | { readonly mistakes: readonly Mistake[] }

type Reader = (words: readonly Word[], directive: Word) => ReadDirective

const DIRECTIVES: Readonly<Record<string, Reader>> = {
  '@defaults': parseDefaults,
  '@include': (words, directive) => one(parseInclude(words, directive)),
  '@exclude': (words, directive) => one(parseExclude(words, directive)),
  '@registry': (words, directive) => {
    const { rule, mistakes } = parseRegistryRule(words, directive)
    return rule ? { value: { kind: 'registry', rule } } : { mistakes }
  },
  '@window': (words, directive) => {
    const { window, mistakes } = parseWindow(words, directive)
    return window ? { value: { kind: 'window', window } } : { mistakes }
  },
  '@bandwidth': (words, directive) =>
    one(
      readAs(parseBandwidth(words, directive), (bytesPerSecond) => ({
        ...{ kind: 'bandwidth', bytesPerSecond },
      })),
    ),
}
const NAMES = Object.keys(DIRECTIVES)

export function parseDirective(directive: Word, words: readonly Word[]): ReadDirective {
  const { text, at } = directive
  const read = Object.hasOwn(DIRECTIVES, text) ? DIRECTIVES[text] : undefined
  if (read) return read(words, directive)
  if (/^@sha(?:256|512):/.test(text)) {
    return { mistakes: [{ at, message: 'there is no repository before the "@"' }] }
  }
  const hint = didYouMean(text, NAMES) || `: write ${NAMES.join(', ')}`
  const lower = text.toLowerCase()
  const meant = NAMES.find((each) => [lower, `${lower}s`].includes(each))
  const fix = meant === undefined ? undefined : { from: at, to: at + text.length, text: meant }
  return { mistakes: [{ at, message: `${quoted(text)} is not a directive${hint}`, fix }] }
}

function one(read: Read<Directive>): ReadDirective {
  return 'mistake' in read ? { mistakes: [read.mistake] } : read
}

function parseDefaults(words: readonly Word[], { at }: Word): ReadDirective {
  if (words.length === 0) {
    const message = '@defaults needs options: @defaults platforms=linux/amd64,linux/arm64 keep=30d'
    return { mistakes: [{ at, message }] }
  }
  const { values: options, places, mistakes } = parseOptions(words)
  if (mistakes.length > 0) return { mistakes }
  const conflict = conflictOf(options)
  if (!conflict) return { value: { kind: 'defaults', options } }
  return { mistakes: [{ at: places.get(conflict.option) ?? at, message: conflict.message }] }
}

function parseInclude([name, more]: readonly Word[], { at }: Word): Read<Directive> {
  const example = '@include base.txt'
  const file = name && unquoted(name)
  if (!file || file.text === '') return wrong(at, `@include needs a file: ${example}`)
  if (more) {
    return wrong(more.at, 'one file stands behind @include: one with blanks in double quotes')
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(file.text)) {
    return wrong(file.at, `lists are included from files: fetch this one first, then ${example}`)
  }
  if (file.text.includes('"')) return wrong(file.at, "no quote may stand in a file's name")
  return { value: { kind: 'include', file: file.text } }
}

function parseExclude(words: readonly Word[], { at }: Word): Read<Directive> {
  if (words.length === 0) return wrong(at, '@exclude needs patterns of tags: @exclude *-rc* ^2019')
  const rules: TagRule[] = []
  for (const word of words) {
    const read = parseTagRules(word)
    if ('mistake' in read) return read
    rules.push(...read.value)
  }
  return { value: { kind: 'exclude', rules } }
}

function wrong(at: number, message: string): { readonly mistake: Mistake } {
  return { mistake: { at, message } }
}
