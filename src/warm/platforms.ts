// Which manifests of an index are wanted, as pure functions.

import type { Descriptor } from '../oci/manifest.ts'

export const ALL_PLATFORMS = 'all'

/** BuildKit's attestations stand in an index under this platform; nobody runs them. */
const ATTESTATION = 'unknown/unknown'

/** What leaves its variant out means this one, as containerd reads it. */
const DEFAULT_VARIANTS: ReadonlyMap<string, string> = new Map([
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
])

export function samePlatform(one: string, other: string): boolean {
  return plain(one) === plain(other)
}

function plain(platform: string): string {
  return DEFAULT_VARIANTS.get(platform) ?? platform
}

export interface Chosen {
  readonly children: readonly Descriptor[]
  /** Of those wanted, which of them stand for what. `''`: names no platform. */
  readonly platforms: ReadonlyMap<Descriptor, string>
  /** All that the index names, attestations left out. */
  readonly named: readonly string[]
}

/**
 * Clients take the first entry of their platform; of Windows every one, since each is for another
 * version. An entry that names no platform may be for anybody.
 */
export function chooseChildren(children: readonly Descriptor[], wanted: readonly string[]): Chosen {
  const platforms = new Map<Descriptor, string>()
  const named = new Set<string>()
  const taken = new Set<string>()
  for (const child of children) {
    const platform = child.platform ?? ''
    if (platform === ATTESTATION) continue
    if (platform !== '') named.add(platform)
    if (platform !== '' && !isWanted(platform, wanted)) continue
    const isFirst = !taken.has(plain(platform))
    taken.add(plain(platform))
    if (isFirst || platform === '' || isMany(platform) || wanted.includes(ALL_PLATFORMS)) {
      platforms.set(child, platform)
    }
  }
  return { children: [...platforms.keys()], platforms, named: [...named] }
}

function isWanted(platform: string, wanted: readonly string[]): boolean {
  return wanted.some((each) => each === ALL_PLATFORMS || samePlatform(each, platform))
}

/** Whether an index may list it more than once. */
export function isMany(platform: string): boolean {
  return platform === ALL_PLATFORMS || platform.startsWith('windows/')
}

/** Those wanted that nothing in the image is for. */
export function lackingPlatforms(
  wanted: readonly string[],
  named: readonly string[],
): readonly string[] {
  return wanted.filter(
    (each) => each !== ALL_PLATFORMS && !named.some((name) => samePlatform(each, name)),
  )
}

/** Of two lines that mean one image: both. */
export function unitePlatforms(one: readonly string[], other: readonly string[]): string[] {
  const both = [...one, ...other]
  if (both.includes(ALL_PLATFORMS)) return [ALL_PLATFORMS]
  return both.filter((each, n) => both.findIndex((first) => samePlatform(first, each)) === n)
}
