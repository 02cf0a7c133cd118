// Which manifests of an index are wanted, as pure functions.

import type { Descriptor } from '../oci/manifest.ts'

export const ALL_PLATFORMS = 'all'

/** BuildKit's attestations stand in an index under this platform; nobody runs them. */
const ATTESTATION = 'unknown/unknown'

/** What leaves its variant out means this one, as containerd reads it. */
const DEFAULT_VARIANTS: ReadonlyMap<string, number> = new Map([
  ['linux/amd64', 1],
  ['linux/arm64', 8],
  ['linux/arm', 7],
])

export function samePlatform(one: string, other: string): boolean {
  return plain(one) === plain(other)
}

function plain(platform: string): string {
  const { machine, variant } = partsOf(platform)
  return `${machine}/v${variant}`
}

/** `linux/arm/v7` is the variant 7 of `linux/arm`. */
function partsOf(platform: string): { readonly machine: string; readonly variant: number } {
  const [, machine = platform, digits] = /^([^/]+\/[^/]+)\/v(\d+)$/.exec(platform) ?? []
  const variant = digits === undefined ? DEFAULT_VARIANTS.get(machine) : Number(digits)
  return { machine, variant: variant ?? 0 }
}

/** What clients of a platform take: it, else the best of the lower variants, which it runs as well. */
function bestFor(wanted: string, named: readonly string[]): string | undefined {
  const { machine, variant } = partsOf(wanted)
  const variantOf = (platform: string): number => partsOf(platform).variant
  return named
    .filter((each) => partsOf(each).machine === machine && variantOf(each) <= variant)
    .toSorted((one, other) => variantOf(other) - variantOf(one))[0]
}

export interface Chosen {
  readonly children: readonly Descriptor[]
  /** Of those wanted, which of them stand for what. `''`: names no platform. */
  readonly platforms: ReadonlyMap<Descriptor, string>
  /** All that the index names, attestations left out. */
  readonly named: readonly string[]
}

/**
 * Clients take the first entry of what is best for them; of Windows every one, since each is for another
 * version. An entry that names no platform may be for anybody. Where no platform is wanted at all, it is
 * the index alone. `withAttestations`: also what BuildKit attests of the chosen ones.
 */
export function chooseChildren(
  children: readonly Descriptor[],
  wanted: readonly string[],
  withAttestations = false,
): Chosen {
  if (wanted.length === 0) return { children: [], platforms: new Map(), named: [] }
  const named = [...new Set(children.map(({ platform }) => platform ?? ''))].filter(
    (platform) => platform !== '' && platform !== ATTESTATION,
  )
  const best = new Set(wanted.map((each) => plain(bestFor(each, named) ?? each)))
  const platforms = new Map<Descriptor, string>()
  const taken = new Set<string>()
  for (const child of children) {
    const platform = child.platform ?? ''
    if (platform === ATTESTATION) continue
    const isWanted = wanted.includes(ALL_PLATFORMS) || best.has(plain(platform))
    if (platform !== '' && !isWanted) continue
    const isFirst = !taken.has(plain(platform))
    taken.add(plain(platform))
    if (isFirst || platform === '' || isMany(platform) || wanted.includes(ALL_PLATFORMS)) {
      platforms.set(child, platform)
    }
  }
  if (withAttestations) addAttestations(children, platforms)
  return { children: [...platforms.keys()], platforms, named }
}

/** Each is a part of the platform that it is about. */
function addAttestations(
  children: readonly Descriptor[],
  platforms: Map<Descriptor, string>,
): void {
  const about = new Map(Array.from(platforms, ([{ digest }, platform]) => [digest, platform]))
  for (const child of children) {
    const platform = child.attests && about.get(child.attests)
    if (platform !== undefined && !platforms.has(child)) platforms.set(child, platform)
  }
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
  return wanted.filter((each) => each !== ALL_PLATFORMS && bestFor(each, named) === undefined)
}

/** Of two lines that mean one image: both. */
export function unitePlatforms(one: readonly string[], other: readonly string[]): string[] {
  const both = [...one, ...other]
  if (both.includes(ALL_PLATFORMS)) return [ALL_PLATFORMS]
  return both.filter((each, n) => both.findIndex((first) => samePlatform(first, each)) === n)
}
