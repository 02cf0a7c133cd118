// What people write into lists that is no image at all, and what they meant by it.

import { parseRepositoryName, parseTag } from '../oci/name.ts'
import { didYouMean, mistaken, quoted } from './mistake.ts'
import type { Fix, Mistake } from './mistake.ts'
import { OPTION_NAMES } from './parse-options.ts'
import { imageAddressed } from './web-address.ts'
import type { Word } from './words.ts'

/** They pull the one image that stands behind it. */
const PULLERS = ['docker', 'podman', 'nerdctl', 'crictl', 'ctr', 'crane', 'sudo', '$']
const PROGRAMS = [...PULLERS, 'skopeo', 'from']
const COMMENT_SIGNS = ['//', ';', '--', '/*', '<!--']
const ALONE = "write the image's name alone"
const KEY = /^-?["']?(?:image|repository)["']?:$/i

type Words = readonly [Word, ...(readonly Word[])]

export function misunderstoodLine(words: Words): Mistake | undefined {
  const [first, second] = words
  const start = misunderstoodStart(words)
  if (start) return { at: first.at, ...start }
  return second && misunderstoodBlank(first, second)
}

type Misunderstood = Pick<Mistake, 'message' | 'fix'>

function misunderstoodStart(words: Words): Misunderstood | undefined {
  const [{ text: first, at }, ...others] = words
  const sign = COMMENT_SIGNS.find((each) => first.startsWith(each))
  if (sign !== undefined) {
    // Not of `/* ... */` and `<!-- -->`, which close, nor of the flags of a command.
    const isClear = sign === '//' || sign === ';' || first === '--'
    const fix = isClear ? { from: at, to: at + sign.length, text: '#' } : undefined
    return { message: 'a comment begins with "#"', fix }
  }
  const last = others.at(-1)
  if (!last) return first === '-' ? { message: `an image is missing behind the "-"` } : undefined
  if (first === '-' || first === '*' || KEY.test(first)) {
    const message = `this is not a list of lines but a part of another file: ${ALONE}, ${quoted(last.text)}`
    const isClear = others.slice(0, -1).every(({ text }) => KEY.test(text))
    return { message, fix: isClear ? only(last, words) : undefined }
  }
  if (!PROGRAMS.includes(first.toLowerCase()) || !isCommand(others)) return undefined
  const image = imageOfCommand(words)
  const message = `this is a command: ${ALONE}, ${quoted((image ?? last).text)}`
  return { message, fix: image && only(image, words) }
}

/** Images are called `docker` and `crane`, too: what follows those are options, or a lost tag. */
function isCommand(others: readonly Word[]): boolean {
  const isOption = ({ text }: Word): boolean => text === 'optional' || /^[a-z-]+=/.test(text)
  const verb = others.find((word) => !isOption(word))
  return verb !== undefined && !/^[\d.]+$/.test(verb.text)
}

/** Undefined where it is not clear which word is the image. */
function imageOfCommand([first, ...others]: Words): Word | undefined {
  if (first.text.toLowerCase() === 'from') {
    return others.find(({ text }) => !text.startsWith('--'))
  }
  const pull = others.findIndex(({ text }) => text === 'pull')
  const [image, ...more] = others.slice(pull + 1)
  const isClear = pull >= 0 && more.length === 0 && PULLERS.includes(first.text.toLowerCase())
  return isClear ? image : undefined
}

/** In place of all words: what follows them, a comment, stays. */
function only(image: Word, words: Words): Fix {
  const last = words.at(-1) ?? image
  return { from: words[0].at, to: last.at + last.text.length, text: image.text }
}

function misunderstoodBlank(first: Word, second: Word): Mistake | undefined {
  const at = second.at
  const between = (text: string): Fix => ({ from: first.at + first.text.length, to: at, text })
  const stands = (sign: string) => first.text.endsWith(sign) || second.text.startsWith(sign)
  if (stands(',')) {
    return {
      at,
      message: 'no blanks may stand in a list of tags: write nginx:1.24,1.25',
      fix: between(''),
    }
  }
  if (stands(':')) {
    const meant = second.text === ':' ? 'nginx:1.25' : first.text + second.text
    const message = `no blank may stand beside the ":": write ${quoted(meant)}`
    return { at, message, fix: between('') }
  }
  if (stands('@')) {
    return { at, message: 'no blank may stand beside the "@" of a digest', fix: between('') }
  }
  if (second.text.includes('=')) return undefined
  const shown = quoted(second.text)
  if (/[/:]/.test(second.text)) {
    return { at, message: `a line names one image: put ${shown} on its own line` }
  }
  const isLikeTag = /\d|^latest$/.test(second.text) && parseTag(second.text) !== undefined
  if (!isLikeTag || first.text.includes(':')) {
    const isName = /^\w/.test(first.text) && parseRepositoryName(second.text) !== undefined
    if (isLikeTag || !isName || didYouMean(second.text, OPTION_NAMES) !== '') return undefined
    const message = `a line names one image: put ${shown} on its own line, or a "#" before a comment`
    return { at, message }
  }
  const meant = quoted(`${first.text}:${second.text}`)
  return { at, message: `${shown} is not an option; did you mean ${meant}?`, fix: between(':') }
}

/** Pages and addresses that hold the name of an image, and the name. Undefined: it is a name. */
export function misunderstoodName({ text, at }: Word): Mistake | undefined {
  const [scheme = ''] = SCHEME.exec(text) ?? []
  const rest = text.slice(scheme.length)
  // Never repeated: it may hold a password.
  if (scheme !== '' && /^[^/]*@/.test(rest.replace(DIGEST_AT_END, ''))) {
    const message = `a login stands before the "@": ${ALONE}, and log in with regmirror login`
    return mistaken(at, message).mistake
  }
  const instead = (name: string): Fix => ({ from: at, to: at + text.length, text: name })
  const addressed = imageAddressed(rest)
  if (addressed === 'unclear') {
    const message = 'this is the address of a web page: write the name that "docker pull" takes'
    return { at, message }
  }
  if (addressed) {
    const message = `this is the address of a web page: write ${addressed.image}`
    return { at, message, fix: instead(addressed.image) }
  }
  if (/^http:\/\/$/i.test(scheme)) {
    const [host = ''] = rest.split('/')
    const message =
      `how a registry is reached is not said in the list: write ${quoted(rest)}, and start with ` +
      `--registry ${host || 'HOST'}=http://${host || 'HOST'}`
    return { at, message, fix: instead(rest) }
  }
  if (scheme === '' || schemeLength(scheme) > 0) return undefined
  const message = `${quoted(scheme)} is not understood: ${ALONE}, ${quoted(rest)}`
  return { at, message, fix: instead(rest) }
}

const DIGEST_AT_END = /@sha(?:256|512):[0-9a-f]+$/i
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/** Written in front of names by people and by other programs, and without a meaning here. */
export function schemeLength(text: string): number {
  return /^(?:docker|https):\/\//i.exec(text)?.[0].length ?? 0
}
