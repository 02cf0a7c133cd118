// The host of a registry, as it stands before a repository or alone.

import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'

const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/i

export function parseHost(host: string, at: number): Read<string> {
  if (looksLikeHost(host) && HOST.test(host)) return { value: host }
  return mistaken(at, `${quoted(host)} is not the host of a registry`)
}

interface SplitName {
  /** Undefined: a registry that the mirror's settings tell. */
  readonly host: string | undefined
  readonly path: string
  readonly pathAt: number
}

/** As docker does: the first component is a host where it could be nothing else. */
export function splitName(name: string, at: number): SplitName {
  const [first = ''] = name.split('/', 1)
  if (!looksLikeHost(first)) return { host: undefined, path: name, pathAt: at }
  return { host: first, path: name.slice(first.length + 1), pathAt: at + first.length + 1 }
}

function looksLikeHost(component: string): boolean {
  return /[.:]/.test(component) || component.toLowerCase() === 'localhost'
}
