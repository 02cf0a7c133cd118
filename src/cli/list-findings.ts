// What `list lint` prints of what it found, and of what it put right. Pure.

import type { Finding } from '../list/lint.ts'
import type { MendedLine } from '../list/mend.ts'
import { printable } from './printable.ts'
import { count } from './warm-words.ts'

/** `mirror.txt:12:1: k8s.gcr.io is another name of registry.k8s.io: write registry.k8s.io/pause` */
export function findingLine({ source, line, column, message, instead }: Finding): string {
  // Most sentences say it themselves.
  const meant =
    instead === undefined || /\bwrite\b/.test(message) ? '' : `; write ${instead.trim()}`
  return printable(`${source}:${line}:${column}: ${message}${meant}`)
}

export function findingAsJson(finding: Finding): object {
  const { source, line, column, message, instead, sameAs } = finding
  return {
    ...{ file: source, line, column, message },
    instead: instead ?? null,
    surplus: sameAs !== undefined,
  }
}

/** `mirror.txt:12: docker pull nginx -> nginx` */
export function mendedLine(name: string, { line, before, after }: MendedLine): string {
  const what =
    after === undefined ? `removed: ${before.trim()}` : `${before.trim()} -> ${after.trim()}`
  return `${name}:${line}: ${what}`
}

/** `names`: of the lists that were looked at; what they include has other ones. */
export function lintSentence(
  findings: readonly Finding[],
  names: readonly string[],
  isAllAsked: boolean,
): string {
  if (findings.length === 0) {
    const but = isAllAsked ? '' : ', but upstream could not be asked for all of it'
    return `nothing was found in ${names.join(', ')}${but}`
  }
  const where = [...new Set(findings.map(({ source }) => source))].join(', ')
  const clear = findings.filter(
    ({ source, instead, sameAs }) =>
      names.includes(source) && (instead !== undefined || sameAs !== undefined),
  )
  const fix = clear.length === 0 ? '' : `; --fix puts ${clear.length} of them right`
  return `${count(findings.length, 'finding')} in ${where}${fix}`
}
