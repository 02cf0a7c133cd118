// The name of a repository as people type it, with its registry in front or without.

import { parseRepositoryName } from '../oci/name.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'
import { isNamePattern } from './name-pattern.ts'
import { parseHost, splitName } from './parse-host.ts'
import { parseNamePattern } from './parse-name-pattern.ts'

/** `rest` is what follows it. */
export function parseName(name: string, rest: string, at: number): Read<string> {
  if (name === '') return mistaken(at, `there is no repository before the "${rest.slice(0, 1)}"`)
  const strange = strangeSign(name, rest, at)
  if (strange) return strange
  if (isNamePattern(name)) return parseNamePattern(name, at, 'end')
  const { host, path, pathAt } = splitName(name, at)
  if (host !== undefined) {
    const read = parseHost(host, at)
    if ('mistake' in read) return read
    if (!name.includes('/')) {
      const [port = ''] = /^:\d+$/.exec(rest) ?? []
      const registry = name + port
      return mistaken(
        at,
        `${quoted(registry)} is a registry: name a repository of it, as in ${registry}/org/app`,
      )
    }
  }
  return parseRepositoryName(path) === undefined
    ? wrongPath(path, { name, rest, at, pathAt })
    : { value: name }
}

/** What a glance shows to be no name, wherever it stands. */
function strangeSign(
  name: string,
  rest: string,
  at: number,
): ReturnType<typeof mistaken> | undefined {
  const found = /["'`^\\?#]/.exec(name)
  if (!found) return undefined
  const [sign] = found
  const signAt = at + found.index
  const insert = (text: string) => ({ from: signAt, to: signAt, text })
  const replace = (text: string) => ({ from: signAt, to: signAt + 1, text })
  switch (sign) {
    case '^': {
      const meant = `${name.slice(0, found.index)}:${name.slice(found.index)}${rest}`
      const message = `a ":" is missing before the "^": write ${quoted(meant)}`
      return mistaken(signAt, message, found.index > 0 ? insert(':') : undefined)
    }
    case '?':
      return mistaken(signAt, 'no "?" may stand in a name: name each repository on its own line')
    case '#':
      return mistaken(signAt, 'a comment begins with a blank and "#"', insert(' '))
    case '\\':
      return mistaken(signAt, 'the parts of a name stand between "/", not "\\"', replace('/'))
    default:
      return mistaken(signAt, 'names stand without quotes', replace(''))
  }
}

interface Around {
  readonly name: string
  readonly rest: string
  readonly at: number
  readonly pathAt: number
}

function wrongPath(path: string, around: Around): ReturnType<typeof mistaken> {
  const { name, rest, at, pathAt } = around
  const lower = path.toLowerCase()
  if (/[A-Z]/.test(path) && parseRepositoryName(lower) !== undefined) {
    const meant = name.slice(0, name.length - path.length) + lower
    const fix = { from: at, to: at + name.length, text: meant }
    const wrongAt = pathAt + path.search(/[^a-z0-9._/-]/)
    return mistaken(wrongAt, `repositories are in lower case: write ${quoted(meant + rest)}`, fix)
  }
  return missingPart(path, pathAt) ?? mistaken(pathAt + wrongSignAt(path), pathProblem(path))
}

/** `/org/app`, `org//app`, `org/app/` */
function missingPart(path: string, pathAt: number): ReturnType<typeof mistaken> | undefined {
  if (path === '' || path.endsWith('/')) {
    const end = pathAt + path.length
    const message = 'a part of the name is missing behind the "/"'
    // `ghcr.io/org/` may be meant for all that is under it.
    const isWhole = path.indexOf('/') < path.length - 1
    return mistaken(end, message, isWhole ? { from: end - 1, to: end, text: '' } : undefined)
  }
  const missing = path.startsWith('/') ? 0 : path.indexOf('//') + 1
  if (missing === 0 && !path.startsWith('/')) return undefined
  const from = pathAt + missing
  return mistaken(from, 'a part of the name is missing before the "/"', {
    from,
    to: from + 1,
    text: '',
  })
}

function wrongSignAt(path: string): number {
  return Math.max(0, path.search(/[^a-z0-9._/-]/))
}

function pathProblem(path: string): string {
  const [wrong] = /[^a-z0-9._/-]/u.exec(path) ?? []
  if (wrong === ',') return 'a line names one image: put each on its own line'
  if (wrong !== undefined) return `a repository's name cannot hold ${quoted(wrong)}`
  if (path.length > 255)
    return `a repository's name has at most 255 characters: this one has ${path.length}`
  return (
    `${quoted(path)} is not a repository's name: its parts begin and end with a letter or a ` +
    `digit, with single dots, one or two underscores, or dashes between`
  )
}
