// The name of a repository as people type it, with its registry in front or without.

import { parseRepositoryName } from '../oci/name.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'

const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/i

/** `rest` is what follows it, for what people are told to write instead. */
export function parseName(name: string, rest: string, at: number): Read<string> {
  if (name === '') return mistaken(at, `there is no repository before the "${rest.slice(0, 1)}"`)
  const strange = strangeSign(name, rest, at)
  if (strange) return strange
  const slash = name.indexOf('/')
  const first = slash < 0 ? name : name.slice(0, slash)
  const isHost = looksLikeHost(first)
  if (isHost && slash < 0) {
    return mistaken(
      at,
      `${quoted(name)} is a registry: name a repository of it, as in ${name}/org/app`,
    )
  }
  if (isHost && !HOST.test(first))
    return mistaken(at, `${quoted(first)} is not the host of a registry`)
  const path = isHost ? name.slice(slash + 1) : name
  const pathAt = at + name.length - path.length
  if (parseRepositoryName(path) !== undefined) return { value: name }
  return mistaken(pathAt + wrongPart(path), pathProblem(path, rest, first, isHost))
}

/** What a glance shows to be no name, wherever it stands. */
function strangeSign(
  name: string,
  rest: string,
  at: number,
): ReturnType<typeof mistaken> | undefined {
  const [sign = ''] = /["'`^*\\?#]/.exec(name) ?? []
  if (sign === '') return undefined
  const signAt = name.indexOf(sign)
  return mistaken(at + signAt, strangeSentence(sign, name, signAt, rest))
}

function strangeSentence(sign: string, name: string, at: number, rest: string): string {
  switch (sign) {
    case '^':
      return `a ":" is missing before the "^": write ${quoted(`${name.slice(0, at)}:${name.slice(at)}${rest}`)}`
    case '*':
    case '?':
      return 'repositories cannot be listed by a pattern: name each on its own line'
    case '#':
      return 'a comment begins with a blank and "#"'
    case '\\':
      return 'the parts of a name stand between "/", not "\\"'
    default:
      return 'names stand without quotes'
  }
}

function pathProblem(path: string, rest: string, first: string, isHost: boolean): string {
  if (/[A-Z]/.test(path) && parseRepositoryName(path.toLowerCase()) !== undefined) {
    const host = isHost ? `${first}/` : ''
    return `repositories are in lower case: write ${quoted(host + path.toLowerCase() + rest)}`
  }
  if (path === '' || path.endsWith('/')) return 'a part of the name is missing behind the "/"'
  if (path.startsWith('/') || path.includes('//'))
    return 'a part of the name is missing before the "/"'
  const [wrong] = /[^a-z0-9._/-]/.exec(path) ?? []
  if (wrong !== undefined) return `a repository's name cannot hold ${quoted(wrong)}`
  if (path.length > 255)
    return `a repository's name has at most 255 characters: this one has ${path.length}`
  return (
    `${quoted(path)} is not a repository's name: its parts begin and end with a letter or a ` +
    `digit, with single dots, one or two underscores, or dashes between`
  )
}

/** Where in the path it is wrong. */
function wrongPart(path: string): number {
  const missing = path.startsWith('/') ? 0 : path.indexOf('//') + 1
  if (missing > 0) return missing
  if (path.endsWith('/')) return path.length
  return Math.max(0, path.search(/[^a-z0-9._/-]/))
}

function looksLikeHost(component: string): boolean {
  return /[.:]/.test(component) || component.toLowerCase() === 'localhost'
}
