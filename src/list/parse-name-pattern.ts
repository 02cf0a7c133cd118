// Names with `*` in them, for lines that mean many repositories and for blocks.

import { parseRepositoryName } from '../oci/name.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'
import { namePatternProblem } from './name-pattern.ts'
import { parseHost, splitName } from './parse-host.ts'

const NAME_LENGTH_MAX = 255
const COMPONENT = /^[a-z0-9._*-]+$/

/** Blocks may have a `*` anywhere, images one at the end: `ghcr.io/org/*`, `docker.io/pre-*`, `quay.io/**`. */
export function parseNamePattern(
  name: string,
  at: number,
  stars: 'end' | 'anywhere',
): Read<string> {
  const { host, path, pathAt } = splitName(name, at)
  const read = host === undefined ? undefined : parseHost(host, at)
  if (read && 'mistake' in read) return read
  const problem = namePatternProblem(name)
  if (problem !== undefined) return mistaken(at + name.indexOf('*'), problem)
  let from = pathAt
  for (const component of path.split('/')) {
    const wrong = componentProblem(component)
    if (wrong !== undefined) return mistaken(from, wrong)
    from += component.length + 1
  }
  if (path.length > NAME_LENGTH_MAX) {
    return mistaken(
      pathAt,
      `a name has at most ${NAME_LENGTH_MAX} characters: this one has ${path.length}`,
    )
  }
  const isAtEnd = /^[^*]*(?:\/\*{1,2}|[^*/]\*)$/.test(`/${path}`)
  if (stars === 'anywhere' || isAtEnd) return { value: name }
  return mistaken(
    at + name.indexOf('*'),
    'a "*" stands at the end of a name: ghcr.io/org/*, ghcr.io/org/app-* or ghcr.io/org/**',
  )
}

function componentProblem(component: string): string | undefined {
  if (component === '') return 'a part of the name is missing beside the "/"'
  if (/[A-Z]/.test(component)) return 'repositories are in lower case'
  const isFine = component.includes('*')
    ? COMPONENT.test(component)
    : parseRepositoryName(component) !== undefined
  return isFine ? undefined : `${quoted(component)} is not a part of a repository's name`
}
