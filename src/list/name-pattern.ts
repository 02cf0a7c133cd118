// Names of repositories with `*` in them: `ghcr.io/org/*`, `docker.io/pre-*`, `quay.io/**`.

import { RE2JS } from 're2js'
import type { RepositoryName } from '../oci/name.ts'
import { quoted } from './mistake.ts'

/**
 * A name as people type it → the registry's canonical name, and what is called by it there, `*` and
 * all; a sentence where it means no registry that is served. The mirror's settings tell (mirror/target.ts).
 */
export type Naming = (name: string) => CanonicalName | { readonly refused: string }

export interface CanonicalName {
  readonly registry: string
  readonly name: string
}

/** Which repositories of one registry are meant: hosts are always exact. */
export interface NamePattern {
  readonly registry: string
  /** Up to the first `*`: what the names of all of them begin with. */
  readonly prefix: string
  matches(name: RepositoryName): boolean
}

export function isNamePattern(name: string): boolean {
  return name.includes('*')
}

/** What is wrong with a name that has `*` in it, whatever the settings of the mirror. */
export function namePatternProblem(typed: string): string | undefined {
  const [first = '', ...others] = typed.split('/')
  if (first.includes('*')) {
    return `a registry is missing before the "*": write docker.io/${typed}`
  }
  const mixed = others.find((each) => each.includes('**') && each !== '**')
  if (mixed === undefined) return undefined
  return `"**" stands alone between "/", so ${quoted(mixed)} means nothing`
}

/**
 * `*` is anything within one component, `**` as a component any number of them, at the end at least
 * one; nothing else is special. Matching takes time in proportion to the name.
 */
export function readNamePattern(
  typed: string,
  naming: Naming,
): NamePattern | { readonly refused: string } {
  const problem = namePatternProblem(typed)
  const canonical = problem === undefined ? naming(typed) : { refused: problem }
  if ('refused' in canonical) return canonical
  const { registry, name } = canonical
  const prefix = name.split('*', 1)[0] ?? ''
  let regex: RE2JS | undefined
  const fits = (each: RepositoryName): boolean =>
    (regex ??= RE2JS.compile(`^${regexOf(name)}$`)).test(each)
  return { registry, prefix, matches: (each) => each.startsWith(prefix) && fits(each) }
}

function regexOf(name: string): string {
  return name.replaceAll(/\*\*\/|\*\*|\*|[^*]+/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    return part === '*' ? '[^/]*' : RE2JS.quote(part)
  })
}
