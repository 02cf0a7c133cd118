// `!docker.io/library/*:*-windows*`: what is left out, whatever else selects it.

import { mistaken, quoted } from './mistake.ts'
import type { Read } from './mistake.ts'
import { isNamePattern } from './name-pattern.ts'
import { parseName } from './parse-name.ts'
import { parseNamePattern } from './parse-name-pattern.ts'
import { splitReference } from './parse-reference.ts'
import { parseTagGlobs } from './parse-tags.ts'
import type { WrittenBlock } from './statement.ts'
import type { Word } from './words.ts'

export function parseBlock([mark, more]: readonly Word[]): Read<WrittenBlock> {
  const { text, at } = mark ?? { text: '!', at: 0 }
  if (text === '!') {
    const fix = more && { from: at + 1, to: more.at, text: '' }
    return mistaken(at, 'what is left out follows the "!" at once: !docker.io/library/nginx', fix)
  }
  if (more) {
    return mistaken(more.at, `nothing follows what is left out: not ${quoted(more.text)}`)
  }
  const { name, rest, at: nameAt } = splitReference({ text: text.slice(1), at: at + 1 })
  const read = isNamePattern(name)
    ? parseNamePattern(name, nameAt, 'anywhere')
    : parseName(name, rest, nameAt)
  if ('mistake' in read) return read
  const tags = parseBlockedTags(rest, nameAt + name.length)
  return 'mistake' in tags ? tags : { value: { name, tags: tags.value } }
}

function parseBlockedTags(rest: string, at: number): Read<string | undefined> {
  if (rest === '') return { value: undefined }
  if (rest === ':') {
    const fix = { from: at, to: at + 1, text: '' }
    return mistaken(at + 1, 'there is no tag behind the ":"', fix)
  }
  if (rest.startsWith('@')) {
    return mistaken(at, 'digests cannot be left out: write the repository, or a glob of its tags')
  }
  const globs = parseTagGlobs({ text: rest.slice(1), at: at + 1 })
  if ('mistake' in globs) return globs
  const [glob, ...others] = globs.value
  if (others.length === 0) return { value: glob }
  return mistaken(at + 1, 'one glob of tags stands here: write {a,b} for several')
}
