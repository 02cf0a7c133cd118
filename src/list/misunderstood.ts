// What people write into lists that is no image at all, and what they meant by it.

import { parseTag } from '../oci/name.ts'
import { mistaken, quoted } from './mistake.ts'
import type { Mistake } from './mistake.ts'
import type { Word } from './words.ts'

const PROGRAMS = ['docker', 'podman', 'nerdctl', 'crictl', 'ctr', 'skopeo', 'crane', 'from']
const COMMENT_SIGNS = ['//', ';', '--', '/*', '<!--']
const ALONE = "write the image's name alone"

export function misunderstoodLine([first, second, ...more]: readonly Word[]): Mistake | undefined {
  if (first === undefined) return undefined
  const last = more.at(-1) ?? second
  const message = misunderstoodStart(first.text, last?.text)
  if (message !== undefined) return { at: first.at, message }
  const between = second && misunderstoodBlank(first.text, second.text)
  return between === undefined ? undefined : { at: second?.at ?? 0, message: between }
}

function misunderstoodStart(first: string, last: string | undefined): string | undefined {
  if (COMMENT_SIGNS.some((sign) => first.startsWith(sign))) return 'a comment begins with "#"'
  if (/^@sha(?:256|512):/.test(first)) return 'there is no repository before the "@"'
  if (first.startsWith('@')) {
    return `${quoted(first)} is not understood: each line names one image, such as nginx:1.25`
  }
  if (first.startsWith('!')) {
    return `${quoted(first)} is not understood: to leave an image out, put "#" before its line`
  }
  if (last === undefined) return first === '-' ? `an image is missing behind the "-"` : undefined
  if (first === '-' || first === '*' || /^-?(?:image|repository):$/i.test(first)) {
    return `this is not a list of lines but a part of another file: ${ALONE}, ${quoted(last)}`
  }
  if (!PROGRAMS.includes(first.toLowerCase())) return undefined
  return `this is a command: ${ALONE}, ${quoted(last)}`
}

function misunderstoodBlank(first: string, second: string): string | undefined {
  if (first.endsWith(',') || second.startsWith(',')) {
    return 'no blanks may stand in a list of tags: write nginx:1.24,1.25'
  }
  if (first.endsWith(':') || second.startsWith(':')) {
    return `no blank may stand beside the ":": write ${joined(first, second)}`
  }
  if (first.endsWith('@') || second.startsWith('@')) {
    return 'no blank may stand beside the "@" of a digest'
  }
  if (second.includes('=')) return undefined
  if (/[/:]/.test(second)) return `a line names one image: put ${quoted(second)} on its own line`
  const isLikeTag = /\d|^latest$/.test(second) && parseTag(second) !== undefined
  return isLikeTag && !first.includes(':')
    ? `${quoted(second)} is not an option; did you mean ${joined(first, `:${second}`)}?`
    : undefined
}

function joined(first: string, second: string): string {
  return quoted(first + second)
}

/** Pages and addresses that hold the name of an image, and the name. Undefined: it is a name. */
export function misunderstoodName({ text, at }: Word): Mistake | undefined {
  const message = misunderstoodAddress(text)
  return message === undefined ? undefined : mistaken(at, message).mistake
}

const DIGEST_AT_END = /@sha(?:256|512):[0-9a-f]+$/i
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/** Written in front of names by people and by other programs, and without a meaning here. */
export function schemeLength(text: string): number {
  return /^(?:docker|https):\/\//i.exec(text)?.[0].length ?? 0
}

function misunderstoodAddress(text: string): string | undefined {
  const [scheme = ''] = SCHEME.exec(text) ?? []
  const rest = text.slice(scheme.length)
  // Never repeated: it may hold a password.
  if (scheme !== '' && /^[^/]*@/.test(rest.replace(DIGEST_AT_END, ''))) {
    return `a login stands before the "@": ${ALONE}, and log in with regmirror login`
  }
  if (/^http:\/\/$/i.test(scheme)) {
    const [host = ''] = rest.split('/')
    return (
      `how a registry is reached is not said in the list: write ${quoted(rest)}, and start with ` +
      `--registry ${host || 'HOST'}=http://${host || 'HOST'}`
    )
  }
  if (scheme !== '' && schemeLength(scheme) === 0) {
    return `${quoted(scheme)} is not understood: ${ALONE}, ${quoted(rest)}`
  }
  const page = pageName(rest.replace(/[?#].*$/, ''))
  return page === undefined ? undefined : `this is the address of a web page: write ${page}`
}

/** What a page of a registry's web site is about. */
function pageName(address: string): string | undefined {
  const official = /^hub\.docker\.com\/(?:_|r\/library)\/([\w.-]+)/i.exec(address)
  if (official) return official[1]
  const hub = /^hub\.docker\.com\/(?:r|layers|repository\/docker)\/([\w.-]+\/[\w.-]+)/i.exec(
    address,
  )
  if (hub) return hub[1]
  const quay = /^quay\.io\/repository\/([\w.-]+\/[\w./-]+)/i.exec(address)
  if (quay) return `quay.io/${quay[1] ?? ''}`
  if (/^(?:hub\.docker\.com|github\.com)(?:\/|$)/i.test(address)) {
    return 'the name that "docker pull" takes'
  }
  return undefined
}
