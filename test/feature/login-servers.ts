// A registry and a token server that know one login, and a look at whatever was sent to them.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { Secret } from '../../src/lib/secret.ts'
import type { Credentials, Login } from '../../src/upstream/login.ts'
import { sendError, sendJson, sendManifest, serve } from './upstream-server.ts'
import type { Server } from './upstream-server.ts'

export const USER = 'robot'
/** With what breaks careless encodings; nothing else in any test looks like it. */
export const PASSWORD = 'Tr0ub4dor:&3 ß+/='
export const ORIGIN = '/etc/secrets/login'
export const REMEDY = 'put a working one there'
export const RIGHT: Login = { kind: 'password', username: USER, password: new Secret(PASSWORD) }
export const WRONG: Login = { ...RIGHT, password: new Secret('Tr0ub4dor-of-last-year') }
export const IDENTITY: Login = { kind: 'identity-token', token: new Secret('identity-Tr0ub4dor') }

const MARK = 'Tr0ub4dor'
export const BASIC = basicOf(USER, PASSWORD)

export function basicOf(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** Gives each of the logins in turn: the next when the one before was refused. */
export function credentials(...logins: readonly Login[]): Credentials & { asked: number } {
  const left = [...logins]
  return {
    asked: 0,
    mayExist: true,
    async login(_repository, refused) {
      this.asked += 1
      if (refused !== undefined && left.length > 1) left.shift()
      return left[0] && { login: left[0], origin: ORIGIN, remedy: REMEDY }
    },
  }
}

export interface TokenQuestion {
  readonly method: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly authorization: string | undefined
}

export interface TokenServer extends Server {
  readonly questions: TokenQuestion[]
}

type TokenAnswer = readonly [status: number, body: object]

/** Tokens say whose they are and what for: `robot repository:a:pull`, spaces as `_`. */
export function tokenFor(question: TokenQuestion, user: string): TokenAnswer {
  const scope = question.query.get('scope') ?? question.form.get('scope') ?? ''
  return [200, { token: `${user}_${scope}`.replaceAll(' ', '_'), expires_in: 300 }]
}

/** By GET with Basic; whoever sends nothing is anonymous. */
export function byPassword(question: TokenQuestion): TokenAnswer {
  if (question.authorization === undefined) return tokenFor(question, 'anybody')
  if (question.authorization === BASIC) return tokenFor(question, USER)
  return [401, { details: `no such login: ${question.authorization}` }]
}

export async function tokenServer(
  t: TestContext,
  answer: (question: TokenQuestion) => TokenAnswer = byPassword,
): Promise<TokenServer> {
  const questions: TokenQuestion[] = []
  const server = await serve(t, (request, response) => {
    void text(request).then((body) => {
      const { searchParams: query } = new URL(request.url ?? '/', 'http://localhost')
      const { method = '' } = request
      const { authorization } = request.headers
      const question = { method, query, form: new URLSearchParams(body), authorization }
      questions.push(question)
      const [status, value] = answer(question)
      sendJson(response, value, status)
    })
  })
  return Object.assign(server, { questions })
}

export interface Guard {
  readonly challenge: string | string[] | undefined
  /** Whether the bearer of this Authorization header may have it. */
  readonly admits: (authorization: string | undefined, request: IncomingMessage) => boolean
  readonly status?: number
}

/** One image in whatever repository, behind the guard. */
export async function guarded(t: TestContext, guard: Guard): Promise<Server> {
  return await serve(t, (request, response) => {
    if (!guard.admits(request.headers.authorization, request)) return refuse(response, guard)
    if (request.url === '/v2/') return sendJson(response, {})
    sendManifest(response, request)
  })
}

export function refuse(response: ServerResponse, { challenge, status = 401 }: Guard): void {
  if (challenge !== undefined) response.setHeader('www-authenticate', challenge)
  sendError(response, status, {}, 'authentication required')
}

export function bearerOf(tokens: Server): string {
  return `Bearer realm="${tokens.url}/token",service="registry.test"`
}

/** What the registry was sent: `GET /v2/ -`, `HEAD ... Bearer robot...`. */
export function sent({ asked }: Server): string[] {
  return asked.map(({ line, headers }) => {
    const path = line.replace('/v2/library/nginx/', '')
    return `${path} ${headers.authorization ?? '-'}`
  })
}

/** In any form in which it is sent. */
export function assertNoSecret(...texts: readonly string[]): void {
  for (const found of texts) {
    const plain = found.replace(/[\w+/-]{8,}={0,2}/g, (word) => {
      const decoded = Buffer.from(word, 'base64').toString()
      return decoded.includes(MARK) ? decoded : word
    })
    assert.ok(!plain.includes(MARK), `a secret is in: ${found}`)
  }
}

/** Everything a server was sent. */
export function allSentTo({ asked }: Server): string {
  return JSON.stringify(asked.map(({ line, query, headers }) => [line, [...query], headers]))
}
