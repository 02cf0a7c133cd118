// The names of images as people type them, long or short. Pure.

import type { ImageSelection } from '../store/reader-port.ts'

/** What the names of registries may be. */
export interface KnownNames {
  /** Other names of a registry → its canonical name. */
  readonly aliases: ReadonlyMap<string, string>
  /** First components that are no hosts → a registry. */
  readonly pathAliases: ReadonlyMap<string, string>
  readonly defaultRegistry: string
}

/** A path alias as it is configured; names of images need not say that it is one. */
const ALIAS = 'alias:'
const HUB = 'docker.io'
export const OFFICIAL = 'library/'

/**
 * Which images are meant by the beginning of a name: `nginx`, `docker.io/library/ng`, `ghcr.io/org`,
 * `nginx:1.2`. No image is in two of them, and they are in the order of the images' names.
 */
export function selectionsOf(
  typed: string,
  held: readonly string[],
  names: KnownNames,
): readonly ImageSelection[] {
  const text = typed.startsWith(ALIAS) ? typed.slice(ALIAS.length) : typed
  const others = [...names.aliases, ...names.pathAliases]
  const called = held.map((registry) => ({
    registry,
    as: [registry, ...others.flatMap(([other, name]) => (name === registry ? other : []))],
  }))
  const selections = called.flatMap(({ registry, as }) => {
    const within = as.filter((name) => text.startsWith(`${name}/`))
    if (within.length > 0) {
      return within.flatMap((name) => inRegistry(registry, text.slice(name.length + 1)))
    }
    return as.some((name) => `${name}/`.startsWith(text)) ? inRegistry(registry, '') : []
  })
  // Only what names no registry is a name of the default one.
  const isLong = called.some(({ as }) => as.some((name) => text.startsWith(`${name}/`)))
  if (!isLong && held.includes(names.defaultRegistry)) {
    selections.push(...inRegistry(names.defaultRegistry, text))
  }
  return selections
    .filter(
      (each, at) =>
        !selections.some(
          (other, n) => n !== at && covers(other, each) && (n < at || !covers(each, other)),
        ),
    )
    .toSorted((one, other) => compare(sortKey(one), sortKey(other)))
}

/** Docker Hub's official images are called without their namespace. */
function inRegistry(registry: string, rest: string): ImageSelection[] {
  const found = [selectionOf(registry, rest)]
  if (registry === HUB && rest !== '' && !rest.includes('/')) {
    found.push(selectionOf(registry, OFFICIAL + rest))
  }
  return found
}

function selectionOf(registry: string, rest: string): ImageSelection {
  const none = { tagStartsWith: undefined, digestStartsWith: undefined }
  const at = rest.indexOf('@')
  if (at >= 0) {
    const digestStartsWith = rest.slice(at + 1)
    return { registry, name: { is: withoutTag(rest.slice(0, at)) }, ...none, digestStartsWith }
  }
  const colon = rest.indexOf(':')
  if (colon < 0) return { registry, name: { startsWith: rest }, ...none }
  return {
    registry,
    name: { is: rest.slice(0, colon) },
    ...none,
    tagStartsWith: rest.slice(colon + 1),
  }
}

function covers(one: ImageSelection, other: ImageSelection): boolean {
  if (one.registry !== other.registry) return false
  if (!('startsWith' in one.name)) return sortKey(one) === sortKey(other)
  const name = 'is' in other.name ? other.name.is : other.name.startsWith
  return name.startsWith(one.name.startsWith)
}

function sortKey({ registry, name, tagStartsWith, digestStartsWith }: ImageSelection): string {
  const start = 'is' in name ? name.is : name.startsWith
  return [registry, start, tagStartsWith ?? '', digestStartsWith ?? ''].join('\0')
}

/** What follows a name: `1.27` of `nginx:1.27`, a digest. Neither: undefined. */
export interface TypedImage {
  /** With the registry where one was typed, as typed. */
  readonly name: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/** `localhost:5000/app` has a port, not a tag. A tag beside a digest only says what it was called. */
export function typedImage(typed: string): TypedImage {
  const text = typed.startsWith(ALIAS) ? typed.slice(ALIAS.length) : typed
  const at = text.indexOf('@')
  if (at >= 0) {
    return { name: withoutTag(text.slice(0, at)), tag: undefined, digest: text.slice(at + 1) }
  }
  const name = withoutTag(text)
  return {
    name,
    tag: name === text ? undefined : text.slice(name.length + 1),
    digest: undefined,
  }
}

function withoutTag(text: string): string {
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1)
  return colon < 0 ? text : text.slice(0, colon)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
