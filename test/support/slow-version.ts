// Versions of tags, read word by word: for src/list/versions.ts to agree with.

export interface SlowVersion {
  readonly parts: readonly string[]
  readonly builds: readonly string[]
  /** `rc`, `1`; none: a release. */
  readonly before: readonly string[]
  readonly variant: string
  /** What it is packaged anew as; -1: not at all. */
  readonly revision: number
  /** Six digits and more without a dot. */
  readonly isLong: boolean
}

const PRERELEASE_WORDS =
  'alpha beta rc cr pre preview prerelease dev devel develop development snapshot nightly canary ' +
  'unstable edge next main master trunk test testing staging experimental milestone'

/** Words one after the other, each with the sign before it. */
export function slowVersion(tag: string): SlowVersion | undefined {
  const bare = isMinio(tag) ? withoutTime(tag) : /^v/i.test(tag) ? tag.slice(1) : tag
  const words = [...`.${bare}`.matchAll(/([-_.])([^-_.]*)/g)].map(([, sign = '', word = '']) => ({
    sign,
    word,
  }))
  const take = (): string => words.shift()?.word ?? ''
  const parts: string[] = []
  const builds: string[] = []
  while (words[0]?.sign === '.' && /^\d/.test(words[0].word)) {
    const [number = ''] = /^\d+/.exec(words[0].word) ?? []
    parts.push(number)
    const rest = take().slice(number.length)
    if (rest === '') continue
    words.unshift({ sign: '', word: rest })
    break
  }
  if (parts.length === 0) return undefined
  const isLong = parts.length === 1 && (parts[0] ?? '').length >= 6
  builds.push(...ownBuilds(words, parts.length === 1 && !/^v/i.test(tag)))
  const isRebuilt = builds.length > 0 || words[0]?.sign === '-' || words[0]?.sign === '_'
  if (isRebuilt) while (/^\d+$/.test(words[0]?.word ?? '')) builds.push(take())

  const [first, second] = words
  const attached = first?.sign === ''
  const before: string[] = []
  const [, word = '', number = ''] = /^(.*?)(\d*)$/.exec(first?.word.toLowerCase() ?? '') ?? []
  const isShort = attached && parts.length > 1 && /^[ab]\d{1,3}$/.test(word + number)
  const isCommit = /^g[0-9a-f]{7,40}$/.test(word + number)
  const isKnown = word !== '' && PRERELEASE_WORDS.split(' ').includes(word)
  const isEarlyAccess = word === 'ea' && !attached
  const isMilestone = word === 'm' && (number !== '' || /^\d/.test(second?.word ?? ''))
  if (isShort || isCommit || isKnown || isEarlyAccess || isMilestone) {
    before.push(...(isCommit ? [word + number] : [word, number]).filter(Boolean))
    take()
    const isMore = (): boolean => !isShort && /^\d+$/.test(words[0]?.word ?? '')
    while (isMore()) before.push(take())
  } else if (attached && parts.length === 1) return undefined
  const [, revision] = /^(?:r|ls)(\d+)$/i.exec(words.at(-1)?.word ?? '') ?? []
  if (revision !== undefined) words.pop()
  const variant = words.map((each) => each.sign + each.word).join('')
  return {
    ...{ parts, builds, before, isLong },
    variant: variant.replace(/^[-_.]/, ''),
    revision: Number(revision ?? -1),
  }
}

interface Word {
  readonly sign: string
  readonly word: string
}

/** The update and build of `8u432-b06`, the 1 of `0.6.6.post1`: taken from the words. */
function ownBuilds(words: Word[], isJava: boolean): readonly string[] {
  const [first, second, third] = words
  const isEnd = (next: Word | undefined): boolean => next?.sign !== '.'
  if (first?.sign === '.' && /^post\d+$/i.test(first.word)) {
    words.shift()
    return [first.word.slice('post'.length)]
  }
  if (!isJava || first?.sign !== '' || !/^u\d+$/.test(first.word) || !isEnd(second)) return []
  words.shift()
  const hasBuild = second?.sign === '-' && /^b\d+$/.test(second.word) && isEnd(third)
  if (hasBuild) words.shift()
  return [first.word, ...(hasBuild ? [second.word] : [])].map((word) => word.slice(1))
}

function isMinio(tag: string): boolean {
  const shape = tag.slice(0, 28).replaceAll(/\d/g, '0')
  return shape === 'RELEASE.0000-00-00T00-00-00Z' && ['', '-', '_', '.'].includes(tag.slice(28, 29))
}

function withoutTime(tag: string): string {
  return `${tag.slice(8, 18)}-${tag.slice(19, 27)}${tag.slice(28)}`
}

/** Below 0: the first is older. */
export function slowCompare(one: SlowVersion, other: SlowVersion): number {
  const [left, right] = [keyOf(one), keyOf(other)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** Text that sorts as the version does: numbers padded, and `~` for a release, behind every word. */
function keyOf({ parts, builds, before }: SlowVersion): string {
  const padded = (numbers: readonly string[], filler: string): string =>
    Array.from({ length: 70 }, (_, at) => (numbers[at] ?? filler).padStart(128, '0')).join('.')
  const [word = '~', ...numbers] = before
  return [padded(parts, '0'), padded(builds, '0'), word, padded(numbers, '0')].join(' ')
}

/** `>=1.24 <2 || =3.1.0`, for what is not too long: of `>` and `<=` only with three numbers; that is all the tests write. */
export function slowIsInRange(version: SlowVersion, range: string): boolean {
  if (version.isLong) return false
  return range.split('||').some((alternative) => {
    const comparators = alternative
      .trim()
      .split(/\s+/)
      .map((text) => {
        const [, sign = '', bound = ''] = /^([<>]?=?)(.*)$/.exec(text) ?? []
        return { sign, bound: slowVersion(bound) }
      })
    const named = comparators.some(
      ({ bound }) => bound && isEarly(bound) && release(bound) === release(version),
    )
    if (isEarly(version) && !named) return false
    return comparators.every(({ sign, bound }) => bound && compares(version, sign, bound))
  })
}

function compares(version: SlowVersion, sign: string, bound: SlowVersion): boolean {
  const reduced = (each: SlowVersion): SlowVersion => ({
    ...each,
    parts: each.parts.slice(0, 3),
    builds: [],
  })
  const order = slowCompare(reduced(version), reduced(bound))
  if (sign === '>=') return order >= 0
  if (sign === '<=') return order <= 0
  return sign === '>' ? order > 0 : sign === '<' ? order < 0 : order === 0
}

export function isEarly({ before }: SlowVersion): boolean {
  return before.length > 0
}

function release({ parts }: SlowVersion): string {
  return [0, 1, 2].map((at) => Number(parts[at] ?? 0)).join('.')
}
