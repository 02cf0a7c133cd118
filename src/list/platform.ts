// Platforms as people write them: `linux/amd64`, `linux/arm/v7`, `host`, and `all`.

import { byNearness } from '../lib/nearest.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'

export const ALL_PLATFORMS = 'all'
/** That of the machine that warms. */
export const HOST_PLATFORM = 'host'

/** The values of Go's GOOS and GOARCH, by which the image-spec names them. */
const SYSTEMS =
  'aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasi wasip1 windows'.split(
    ' ',
  )
const ARCHITECTURES =
  '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(
    ' ',
  )
/** What other programs call them. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['x64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armv8', 'arm64'],
  ['armhf', 'arm/v7'],
  ['armv7', 'arm/v7'],
  ['armv7l', 'arm/v7'],
  ['armv6', 'arm/v6'],
  ['armel', 'arm/v5'],
  ['i386', '386'],
  ['x86', '386'],
  ['macos', 'darwin'],
])
const VARIANT = /^[a-z0-9.]{1,16}$/

/** A list with commas; `all` stands alone. Each once, in lower case. */
export function parsePlatforms(text: string, at = 0): Read<readonly string[]> {
  const platforms = new Set<string>()
  let from = at
  for (const part of text.split(',')) {
    const platform = part.toLowerCase()
    const isWord = platform === ALL_PLATFORMS || platform === HOST_PLATFORM
    const problem = isWord ? undefined : platformProblem(platform)
    if (problem !== undefined) return mistaken(from, problem)
    platforms.add(platform)
    from += part.length + 1
  }
  if (platforms.has(ALL_PLATFORMS) && platforms.size > 1) {
    return mistaken(at, `"${ALL_PLATFORMS}" stands for every platform: name no others beside it`)
  }
  return { value: [...platforms] }
}

function platformProblem(text: string): string | undefined {
  if (text === '') return 'a platform is missing here: write them as linux/amd64,linux/arm64'
  const [system = '', architecture, variant, ...more] = text.split('/')
  if (architecture === undefined || more.length > 0) {
    const called = OTHER_NAMES.get(text) ?? text
    const isOne = ARCHITECTURES.includes(called.split('/')[0] ?? '')
    const example = isOne ? `linux/${called}` : 'linux/amd64'
    return `${quoted(text)} is not a platform: write os/architecture, such as ${example}`
  }
  if (!SYSTEMS.includes(system)) {
    return `${quoted(system)} is not an operating system of images${meant(system, SYSTEMS)}`
  }
  if (!ARCHITECTURES.includes(architecture)) {
    return `${quoted(architecture)} is not an architecture of images${meant(architecture, ARCHITECTURES)}`
  }
  if (variant === undefined || VARIANT.test(variant)) return undefined
  return `${quoted(variant)} is not a variant of an architecture, as in linux/arm/v7`
}

function meant(found: string, known: readonly string[]): string {
  // Names so short are never near enough for the usual measure.
  const near = OTHER_NAMES.get(found) ?? byNearness(found, known)[0]
  return `; did you mean ${near}?`
}
