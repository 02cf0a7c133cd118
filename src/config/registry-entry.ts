// `NAME=URL[,URL...]`: one registry and its endpoints.

import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'
import { canonicalRegistry } from './well-known.ts'

export interface RegistryEntry {
  /** Canonical: lower case, and `docker.io` for its other names. */
  readonly name: string
  /** Reached by this bare word as first path component; then `name` is that word. */
  readonly isPathAlias: boolean
  readonly endpoints: readonly URL[]
}

const EXAMPLE = 'docker.io=https://registry-1.docker.io or 10.0.0.5:5000=http://10.0.0.5:5000'
const ALIAS_PREFIX = 'alias:'
const ALIAS = /^[a-z0-9]+(?:[_-]+[a-z0-9]+)*$/
const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
/** Words that mean something else as a first component. */
const RESERVED_ALIASES = ['library', 'v1', 'v2']

export function parseRegistryEntry(text: string): Parsed<RegistryEntry> {
  const equals = text.indexOf('=')
  if (equals < 1) {
    return { problem: `${quote(text)} is not of the form NAME=URL, such as ${EXAMPLE}` }
  }
  const named = parseRegistryName(text.slice(0, equals))
  if ('problem' in named) return named
  const texts = text
    .slice(equals + 1)
    .split(',')
    .map((part) => part.trim())
  const parsed = texts.map(parseEndpoint)
  const problems = parsed.flatMap((one) => ('problem' in one ? [one.problem] : []))
  // A comma in a password has cut it in two, and neither half looks like one.
  if (texts.some((part) => part.includes('@') && !part.includes('://'))) {
    return { problem: 'holds a login in a URL, and credentials in URLs are not accepted' }
  }
  if (problems.length > 0) return { problem: problems.join('; ') }
  const endpoints = parsed.flatMap((one) => ('value' in one ? [one.value] : []))
  return { value: { ...named.value, endpoints } }
}

/** What `NAME=...` names, as far as it can be told; for checks across entries. */
export function registryNameOf(text: string): string | undefined {
  const named = parseRegistryName(text.split('=', 1)[0] ?? '')
  return 'value' in named ? named.value.name : undefined
}

/** In lower case; with or without a port. */
export function isHost(text: string): boolean {
  return HOST.test(text)
}

/** The registry that an option or an alias means; whether there is one of that name is another check. */
export function optionRegistry(name: string): string {
  const lower = name.trim().toLowerCase()
  return lower.startsWith(ALIAS_PREFIX)
    ? lower.slice(ALIAS_PREFIX.length)
    : canonicalRegistry(lower)
}

function parseRegistryName(text: string): Parsed<Omit<RegistryEntry, 'endpoints'>> {
  const name = text.trim().toLowerCase()
  if (name.startsWith(ALIAS_PREFIX)) return parsePathAlias(name.slice(ALIAS_PREFIX.length))
  if (!HOST.test(name)) {
    return { problem: `${quote(text)} is not a registry’s host, such as ghcr.io or 10.0.0.5:5000` }
  }
  if (!/[.:]/.test(name) && name !== 'localhost') {
    return {
      problem:
        `${quote(text)} has neither a dot nor a port, so it would hide Docker Hub’s own names; ` +
        `to reach it as BOX/${name}/..., write ${ALIAS_PREFIX}${name}=URL`,
    }
  }
  return { value: { name: canonicalRegistry(name), isPathAlias: false } }
}

function parsePathAlias(alias: string): Parsed<Omit<RegistryEntry, 'endpoints'>> {
  if (RESERVED_ALIASES.includes(alias)) {
    return {
      problem: `the alias ${quote(alias)} means something else already: choose another word`,
    }
  }
  if (!ALIAS.test(alias) || alias === 'localhost') {
    return {
      problem: `${quote(alias)} is not an alias: one word of a-z, 0-9, - and _, as in alias:lab=http://10.0.0.5:5000`,
    }
  }
  return { value: { name: alias, isPathAlias: true } }
}

function parseEndpoint(text: string): Parsed<URL> {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    return {
      problem: `${quote(text)} is not a URL with http:// or https://, such as https://ghcr.io`,
    }
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    return { problem: `${quote(text)} holds a login, and credentials in URLs are not accepted` }
  }
  if (url.search !== '' || url.hash !== '') {
    return { problem: `${quote(text)} has a part after "?" or "#", which an endpoint cannot have` }
  }
  if (/\/v2\/?$/.test(url.pathname)) {
    return { problem: `${quote(text)} ends in /v2, which regmirror adds itself: leave it out` }
  }
  return { value: url }
}
