// The secrets that went out with a request, and other people's texts with them taken out: servers have
// been seen to repeat what they refuse. Pure.

import { Secret } from '../lib/secret.ts'
import type { Login } from './login.ts'

const MARK = '***'

/** What somebody who got the login, or a header made with it or with a token, could repeat. */
export function secretsOf(login: Login | undefined, authorization?: string): readonly Secret[] {
  const credentials = authorization === undefined ? [] : [authorization.replace(/^\S+ +/, '')]
  return [...(login ? textsOf(login) : []), ...credentials].map((text) => new Secret(text))
}

function textsOf(login: Login): readonly string[] {
  const [user, secret] =
    login.kind === 'password'
      ? [login.username, login.password.reveal()]
      : ['', login.token.reveal()]
  const bytes = Buffer.from(`${user}:${secret}`)
  const encoded = [bytes.toString('base64'), bytes.toString('base64url')]
  // Whoever repeats it may leave the padding out.
  return [secret, ...encoded.map((text) => text.replace(/=+$/, ''))]
}

/** Before the text is cut anywhere: of a secret across the cut the head would stay. */
export function withoutSecrets(text: string, secrets: readonly Secret[]): string {
  const patterns = secrets
    .map((secret) => secret.reveal())
    .filter((secret) => secret !== '')
    // A token may begin with the password of somebody careless.
    .sort((a, b) => b.length - a.length)
    .map((secret) => Array.from(secret, writingsOf).join(''))
  return patterns.length === 0 ? text : text.replace(new RegExp(patterns.join('|'), 'giu'), MARK)
}

const HTML_NAMES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
])

/** A pattern for one character as it is, as URLs, JSON and HTML write it, and as wrong charsets do. */
function writingsOf(character: string): string {
  if (/^[a-z0-9]$/i.test(character)) return character
  const bytes = Buffer.from(character)
  const code = character.codePointAt(0) ?? 0
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  const writings = [
    character,
    `\\${character}`,
    JSON.stringify(character).slice(1, -1),
    units.map((unit) => `\\u${hex(unit, 4)}`).join(''),
    Array.from(bytes, (byte) => `%${hex(byte, 2)}`).join(''),
    ...(character === ' ' ? ['+'] : []),
    `&#${code};`,
    `&#x${hex(code, 1)};`,
    HTML_NAMES.get(character) ?? character,
    ...(code > 0x7f ? [bytes.toString('latin1'), '\uFFFD'] : []),
  ]
  return `(?:${[...new Set(writings)].map(literally).join('|')})`
}

function literally(text: string): string {
  return Array.from(text, (each) => `\\u{${hex(each.codePointAt(0) ?? 0, 1)}}`).join('')
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}
