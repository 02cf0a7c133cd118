// `file:PATH`, `env:VARIABLE`, `docker-config:PATH`, `none`, or USER:PASSWORD itself. No problem
// repeats what was found: there may be a password in it.

import { HIDDEN, Secret } from '../lib/secret.ts'
import type { CredentialSource } from './config.ts'
import type { Parsed } from './parsed.ts'
import { parseFile } from './paths.ts'
import type { Home } from './paths.ts'
import { quote } from './wording.ts'

export interface GivenCredentials {
  readonly source: CredentialSource
  /** The variable that the login stands in. */
  readonly variable: string | undefined
}

/** As it is printed: one word, or a login without its password. */
export type ShownCredentials = string | { readonly username: string; readonly password: string }

const KINDS = /^(file|env|docker-config|login):([^]*)$/
const FORMS =
  'write file:PATH, env:VARIABLE, docker-config:PATH, none, or USER:PASSWORD (login:USER:PASSWORD for a user who is called as one of these words)'

export function parseCredentials(text: string, home: Home): Parsed<GivenCredentials> {
  if (text === 'none') return { value: { source: { kind: 'none' }, variable: undefined } }
  const [, kind, rest = ''] = KINDS.exec(text) ?? []
  if (kind === 'file' || kind === 'docker-config') {
    const path = parseFile(rest, home)
    if ('problem' in path) return path
    return { value: { source: { kind, path: path.value }, variable: undefined } }
  }
  if (kind === 'env') return parseVariable(rest, home)
  return parseLogin(kind === 'login' ? rest : text, `holds no login: ${FORMS}`, undefined)
}

/** Whether it is a password itself and not a place to find it. */
export function saysPassword(text: string): boolean {
  return text !== 'none' && !/^(?:file|env|docker-config):/.test(text)
}

function parseVariable(variable: string, { env }: Home): Parsed<GivenCredentials> {
  const login = env[variable]?.trim()
  if (!login) {
    return { problem: `the variable ${quote(variable)} is not set: put USER:PASSWORD into it` }
  }
  return parseLogin(login, `the variable ${quote(variable)} does not hold USER:PASSWORD`, variable)
}

function parseLogin(
  text: string,
  problem: string,
  variable: string | undefined,
): Parsed<GivenCredentials> {
  const colon = text.indexOf(':')
  const [username, password] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)]
  if (username === '' || password === '') return { problem }
  if (password === HIDDEN) {
    return {
      problem: `${quote(HIDDEN)} stands where regmirror hid a password: write the password itself`,
    }
  }
  const source = { kind: 'login', username, password: new Secret(password) } as const
  return { value: { source, variable } }
}

export function showCredentials({ source, variable }: GivenCredentials): ShownCredentials {
  if (variable !== undefined) return `env:${variable}`
  if (source.kind === 'none') return 'none'
  if (source.kind !== 'login') return `${source.kind}:${source.path}`
  return { username: source.username, password: HIDDEN }
}
