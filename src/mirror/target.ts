// Which registry and repository a request means. Pure.

import { parseRepositoryName } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'

export interface Addressing {
  /** By canonical name: all that may be asked. */
  readonly registries: ReadonlyMap<string, { readonly literalNames: boolean }>
  /** Other names of a registry, to its canonical name. */
  readonly aliases: ReadonlyMap<string, string>
  /** First components that stand for a registry without looking like a host, to its canonical name. */
  readonly pathAliases: ReadonlyMap<string, string>
  /** Hosts (`docker.box.lan`, `box.lan:5001`) by which this mirror is reached for one registry. */
  readonly hosts: ReadonlyMap<string, string>
  readonly defaultRegistry: string
}

/** What a request says of the registry it means, beside the repository's name. */
export interface Address {
  /** The registry of the listener that took the request, where it is one registry's own. */
  readonly listenerRegistry: string | undefined
  /** The Host header, lower case, without a dot at the end of the name. */
  readonly host: string | undefined
  /** The path before `/v2`. */
  readonly prefix: string | undefined
  /** The `ns` parameter, where containerd and its kin send one. */
  readonly ns: string | undefined
}

export interface Asked extends Address {
  /** The repository name as it stands in the path. */
  readonly name: string
}

/**
 * - `name-unknown`: a registry this mirror does not serve; clients then go to the origin
 * - `name-invalid`: no repository can be called this
 */
export interface Refusal {
  readonly refused: 'name-unknown' | 'name-invalid'
  readonly message: string
}

export type Target = { readonly repository: Repository; readonly nsUsed: boolean } | Refusal

/** `registry` is undefined where the address names none, and so stands for all of them. */
export type Place = { readonly registry: string | undefined; readonly nsUsed: boolean } | Refusal

/** Typed, and not asked of the mirror. */
const NOTHING_ELSE: Address = {
  listenerRegistry: undefined,
  host: undefined,
  prefix: undefined,
  ns: undefined,
}

export function resolveTarget(asked: Asked, addressing: Addressing): Target {
  const choice = choose(asked, addressing)
  if ('refused' in choice) return choice
  const { registry, name, nsUsed } = choice
  const parsed = parseRepositoryName(withLibrary(registry, name))
  return parsed
    ? { repository: { registry, name: parsed }, nsUsed }
    : { refused: 'name-invalid', message: `${printable(name)} is not a repository name` }
}

/** Which repository a name means as people type it, by the same rules; undefined where it means none. */
export function repositoryNamed(name: string, addressing: Addressing): Repository | undefined {
  const target = targetNamed(name, addressing)
  return 'repository' in target ? target.repository : undefined
}

/** The same, with why it means none. */
export function targetNamed(name: string, addressing: Addressing): Target {
  return resolveTarget({ ...NOTHING_ELSE, name }, addressing)
}

/**
 * The same for a name that may have `*` in it (list/name-pattern.ts), and so need not be a repository's:
 * its registry, and what is called by it there.
 */
export function canonicalNamed(
  name: string,
  addressing: Addressing,
): { readonly registry: string; readonly name: string } | { readonly refused: string } {
  const choice = choose({ ...NOTHING_ELSE, name }, addressing)
  if ('refused' in choice) return { refused: choice.message }
  const { registry } = choice
  return { registry, name: withLibrary(registry, choice.name) }
}

/** The same for what has no repository: a ping, the catalog. */
export function resolvePlace(address: Address, addressing: Addressing): Place {
  const reached = reachedRegistry(address, addressing)
  if (typeof reached === 'object') return reached
  const { ns } = address
  if (reached !== undefined || ns === undefined) return { registry: reached, nsUsed: false }
  const registry = registryCalled(ns, addressing)
  return registry === undefined ? notServed(printable(ns)) : { registry, nsUsed: true }
}

type Choice = { readonly registry: string; readonly name: string; readonly nsUsed: boolean }

function choose(asked: Asked, addressing: Addressing): Choice | Refusal {
  const { name, ns } = asked
  const reached = reachedRegistry(asked, addressing)
  if (typeof reached === 'object') return reached
  if (reached !== undefined) {
    return { registry: reached, name: withoutHost(name, reached, addressing), nsUsed: false }
  }
  const called = ns === undefined ? undefined : registryCalled(ns, addressing)
  if (called !== undefined && addressing.registries.get(called)?.literalNames) {
    return { registry: called, name: withoutHost(name, called, addressing), nsUsed: true }
  }
  // Before `ns`: containerd with a path in its mirror URL sends both. Docker Hub's own names never
  // look like a host; GitLab's groups may, so what names no registry here is the repository's own.
  const { first, rest } = split(name)
  const registry = addressing.pathAliases.get(lower(first)) ?? registryOfHost(first, addressing)
  if (registry !== undefined) return { registry, name: rest, nsUsed: false }
  if (ns === undefined) {
    if (looksLikeHost(first)) return notServed(printable(first))
    return { registry: addressing.defaultRegistry, name, nsUsed: false }
  }
  return called === undefined ? notServed(printable(ns)) : { registry: called, name, nsUsed: true }
}

/**
 * Listener, host and the path before `/v2` are all of the mirror's URL as somebody configured it.
 * Where they contradict each other either answer would be another registry's content to somebody.
 */
function reachedRegistry(
  { listenerRegistry, host, prefix }: Address,
  addressing: Addressing,
): string | undefined | Refusal {
  const hosted = host === undefined ? undefined : registryAt(host, addressing)
  const prefixed = prefix === undefined ? undefined : registryBeforeV2(prefix, addressing)
  if (prefix !== undefined && prefixed === undefined) {
    return notServed(`${printable(prefix)}, which the path before /v2 names`)
  }
  const said = [
    { what: 'this port', registry: listenerRegistry },
    { what: `the host ${printable(host ?? '')}`, registry: hosted },
    { what: `the path before /v2, ${printable(prefix ?? '')},`, registry: prefixed },
  ].filter(({ registry }) => registry !== undefined)
  const [first] = said
  const other = said.find(({ registry }) => registry !== first?.registry)
  if (!first || !other) return first?.registry
  const message =
    `${first.what} stands for ${first.registry}, but ${other.what} for ${other.registry}: ` +
    `the URL of a mirror can name one registry only`
  return { refused: 'name-unknown', message }
}

function registryAt(host: string, { hosts }: Addressing): string | undefined {
  return hosts.get(host) ?? hosts.get(host.replace(/:\d+$/, ''))
}

function registryBeforeV2(prefix: string, addressing: Addressing): string | undefined {
  return addressing.pathAliases.get(lower(prefix)) ?? registryCalled(prefix, addressing)
}

function registryCalled(name: string, { registries, aliases }: Addressing): string | undefined {
  const called = lower(name)
  const registry = registries.has(called) ? called : aliases.get(called)
  return registry !== undefined && registries.has(registry) ? registry : undefined
}

function registryOfHost(component: string, addressing: Addressing): string | undefined {
  return looksLikeHost(component) ? registryCalled(component, addressing) : undefined
}

/**
 * Without the registry's own host at its beginning, which says once more what is known already. A
 * path alias stays: `corp/app` at the registry called `corp` is an ordinary name.
 */
function withoutHost(name: string, registry: string, addressing: Addressing): string {
  const { first, rest } = split(name)
  return registryOfHost(first, addressing) === registry ? rest : name
}

function split(name: string): { first: string; rest: string } {
  const slash = name.indexOf('/')
  return { first: name.slice(0, Math.max(0, slash)), rest: name.slice(slash + 1) }
}

function looksLikeHost(component: string): boolean {
  return component.includes('.') || component.includes(':') || lower(component) === 'localhost'
}

/** ASCII only: there are other letters whose lower case is a plain one. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** Docker Hub answers 401 for a bare official name. `**` stands for names of any depth. */
function withLibrary(registry: string, name: string): string {
  const isBare = registry === 'docker.io' && !name.includes('/') && name !== '**'
  return isBare ? `library/${name}` : name
}

function notServed(what: string): Refusal {
  const message =
    `this mirror does not serve the registry ${what}: its operator can add it with ` +
    `--registry NAME=URL`
  return { refused: 'name-unknown', message }
}

/** What a client sent, fit for a message. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
