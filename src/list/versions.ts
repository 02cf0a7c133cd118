// What a tag says of a version: `1.27`, `v1.31.0-rc.1`, `16.4-alpine`, `21.0.2_13-jdk`, `2024.01.05`.

import Range from 'semver/classes/range.js'

export interface Version {
  /** `1`, `27`: as many as are written. They may have any length. */
  readonly numbers: readonly bigint[]
  /** What is rebuilt of the same release: the 13 of `21.0.2_13`, the month and day of `2024-01-05`. */
  readonly build: readonly bigint[]
  readonly prerelease: Prerelease | undefined
  /** What else stands behind the numbers: `alpine`, `alpine3.20-perl`; `''`: nothing. */
  readonly variant: string
  /** The 5 of `16.1.0-debian-12-r5`: packaged once more, from the same release. */
  readonly revision: bigint | undefined
  /** One number of six digits or more. Where others have versions, it is none. */
  readonly isDateOrHash: boolean
}

interface Prerelease {
  /** In lower case: `rc`. */
  readonly word: string
  readonly numbers: readonly bigint[]
}

const NUMBERS = /^v?(\d+(?:\.\d+)*)((?:[-_]\d+(?:\.\d+)*(?=[-_.]|$))*)(.*)$/i
/** The last one: commits counted from a release, as `git describe` names them. `7ea1f02` is a hash. */
const WORD =
  'alpha|beta|rc|cr|pre|preview|prerelease|dev|devel|develop|development|snapshot|nightly|canary|' +
  'unstable|edge|next|main|master|trunk|test|testing|staging|experimental|' +
  '(?<!^)ea|milestone|m(?=[-_.]?\\d)|g[0-9a-f]{7,40}'
const PRERELEASE = new RegExp(
  `^[-_.]?(${WORD})((?:[-_.]?\\d+)?(?:[-_.]\\d+)*)(?=[-_.]|$)(.*)$`,
  'i',
)
/** Python's `3.14.0b1`. */
const SHORT_PRERELEASE = /^([ab])(\d{1,3})(?=[-_.]|$)(.*)$/i

/** Bitnami's and LinuxServer's. A number without a letter may be the 12 of `debian-12`. */
const REVISION = /(?:^|[-_.])(?:r|ls)(\d+)$/i
const DATE_OR_HASH = /^\d{6,}$/

/** Undefined for words (`latest`, `bookworm`) and for what only begins with a digit (`7f3e2a1`). */
export function parseVersion(tag: string): Version | undefined {
  const [, dotted, built = '', rest = ''] = NUMBERS.exec(asOthersWriteIt(tag)) ?? []
  if (dotted === undefined) return undefined
  const numbers = numbersIn(dotted)
  const isDateOrHash = DATE_OR_HASH.test(dotted)
  const common = { numbers, build: numbersIn(built), isDateOrHash }
  const pattern = numbers.length > 1 && /^[ab]\d/i.test(rest) ? SHORT_PRERELEASE : PRERELEASE
  const [, word, more = '', variant = ''] = pattern.exec(rest) ?? []
  if (word !== undefined) {
    const prerelease = { word: word.toLowerCase(), numbers: numbersIn(more) }
    return { ...common, prerelease, ...revised(variant) }
  }
  // Of a commit's hash the first digits are no version.
  if (numbers.length === 1 && /^[a-z]/i.test(rest)) return undefined
  return { ...common, prerelease: undefined, ...revised(rest) }
}

/** MinIO's `RELEASE.2024-12-13T22-19-12Z`, OpenJDK's `8u432-b06`, Python's `0.6.6.post1`. */
function asOthersWriteIt(tag: string): string {
  return tag
    .replace(/^RELEASE\.(\d{4}-\d\d-\d\d)T(\d\d-\d\d-\d\d)Z(?=[-_.]|$)/, '$1-$2')
    .replace(/^(\d+)u(\d+)-b(\d+)(?=[-_]|$)/, '$1_$2_$3')
    .replace(/^(\d+)u(\d+)(?=[-_]|$)/, '$1_$2')
    .replace(/^(v?\d+(?:\.\d+)*)\.post(\d+)(?=[-_.]|$)/i, '$1_$2')
}

function revised(suffix: string): Pick<Version, 'variant' | 'revision'> {
  const [, revision] = REVISION.exec(suffix) ?? []
  return {
    variant: suffix.replace(REVISION, '').replace(/^[-_.]/, ''),
    revision: revision === undefined ? undefined : BigInt(revision),
  }
}

/**
 * Negative where the first is the older one. Missing parts are 0, and neither a variant nor a revision
 * makes a difference.
 */
export function compareVersions(one: Version, other: Version): number {
  return (
    compareNumbers(one.numbers, other.numbers) ||
    compareNumbers(one.build, other.build) ||
    comparePrereleases(one.prerelease, other.prerelease)
  )
}

/**
 * Whether versions are in the range, as npm's semver reads it: a prerelease only where the range names
 * one of the same release. Missing parts are 0; of four parts or more the range sees the first three,
 * and neither a build nor a variant makes a difference. `rc1`, `RC.1` and `rc-1` are one. Dates and
 * hashes would be above every bound: they are in no range.
 */
export function versionRange(range: string): (version: Version) => boolean {
  const compiled = new Range(range.toLowerCase().replaceAll(/(?<=\d-[a-z]+)-?(?=\d)/g, '.'))
  return (version) => !version.isDateOrHash && compiled.test(semverText(version))
}

function semverText({ numbers, prerelease }: Version): string {
  const [major = 0n, minor = 0n, patch = 0n] = numbers
  const release = `${major}.${minor}.${patch}`
  return prerelease ? `${release}-${[prerelease.word, ...prerelease.numbers].join('.')}` : release
}

function comparePrereleases(one: Prerelease | undefined, other: Prerelease | undefined): number {
  if (!one || !other) return Number(Boolean(other)) - Number(Boolean(one))
  if (one.word !== other.word) return one.word < other.word ? -1 : 1
  return compareNumbers(one.numbers, other.numbers)
}

function compareNumbers(one: readonly bigint[], other: readonly bigint[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const left = one[at] ?? 0n
    const right = other[at] ?? 0n
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

function numbersIn(text: string): readonly bigint[] {
  return (text.match(/\d+/g) ?? []).map(BigInt)
}
