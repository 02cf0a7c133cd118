// Which images a line means: the repository, and which of its tags, or a digest.

import { parseDigest } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { ListEntry, Selector } from './list-entry.ts'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Read } from './mistake.ts'
import { misunderstoodName, schemeLength } from './misunderstood.ts'
import { isNamePattern } from './name-pattern.ts'
import { parseName } from './parse-name.ts'
import { isRegex, parseTags } from './parse-tags.ts'
import type { Word } from './words.ts'

/** Up to the colon of a tag or the at sign of a digest; a colon before a port belongs to the name. */
const NAME = /^(?:\[[^\]]*\]|[^/:@[]*)(?::\d+(?=\/))?[^:@]*/

const DIGEST_LENGTHS = [
  { algorithm: 'sha256', length: 64 },
  { algorithm: 'sha512', length: 128 },
] as const

interface SplitReference {
  /** Up to the ":" of tags or the "@" of a digest. */
  readonly name: string
  readonly rest: string
  readonly at: number
}

/** Without the scheme that people and other programs write in front of a name. */
export function splitReference(word: Word): SplitReference {
  const skipped = schemeLength(word.text)
  const text = word.text.slice(skipped)
  const [name = ''] = NAME.exec(text) ?? []
  return { name, rest: text.slice(name.length), at: word.at + skipped }
}

export function parseReference(word: Word): Read<Pick<ListEntry, 'name' | 'selectors'>> {
  const misunderstood = misunderstoodName(word)
  if (misunderstood) return { mistake: misunderstood }
  const { name, rest, at } = splitReference(word)
  const read = parseName(name, rest, at)
  if ('mistake' in read) return read
  if (isNamePattern(name) && rest !== '') {
    const which = `${name} means many repositories`
    return mistaken(at + name.length, `${which}: neither tags nor a digest stand behind it`)
  }
  return readAs(parseSelectors(rest, at + name.length), (selectors) => ({ name, selectors }))
}

/** `rest` begins with the ":" of tags or the "@" of a digest, or is empty. */
function parseSelectors(rest: string, at: number): Read<readonly Selector[]> {
  if (rest === '') return { value: [] }
  const digestAt = isRegex(rest.slice(1)) ? -1 : rest.indexOf('@')
  if (digestAt < 0) return parseTags(rest.slice(1), at + 1)
  const digest = parseTypedDigest(rest.slice(digestAt + 1), at + digestAt + 1)
  if ('mistake' in digest) return digest
  if (digestAt === 0) return { value: [{ kind: 'digest', digest: digest.value }] }
  const tags = parseTags(rest.slice(1, digestAt), at + 1)
  if ('mistake' in tags) return tags
  const [first, ...more] = tags.value
  if (first?.kind !== 'tag' || more.length > 0) {
    return mistaken(
      at + digestAt,
      'a digest is of one image: before the "@" stands one tag or none',
    )
  }
  return { value: [{ ...first, digest: digest.value }] }
}

function parseTypedDigest(text: string, at: number): Read<Digest> {
  const digest = parseDigest(text)
  if (digest !== undefined) return { value: digest }
  const [algorithm = '', hex = ''] = text.split(':')
  const known = DIGEST_LENGTHS.find((each) => each.algorithm === algorithm.toLowerCase())
  if (!known) {
    return mistaken(
      at,
      `behind the "@" stands a digest, sha256: and 64 hex digits: not ${quoted(text)}`,
    )
  }
  if (parseDigest(text.toLowerCase()) !== undefined) {
    const fix = { from: at, to: at + text.length, text: text.toLowerCase() }
    return mistaken(at, 'digests are in lower case', fix)
  }
  const hexAt = at + algorithm.length + 1
  const wrong = /[^0-9a-f]/i.exec(text.slice(algorithm.length + 1))
  if (wrong) return mistaken(hexAt + wrong.index, `${quoted(wrong[0])} is not a hex digit`)
  return mistaken(
    hexAt,
    `a ${known.algorithm} digest has ${known.length} hex digits: this one has ${hex.length}`,
  )
}
