// A bearer token server as docker-registry's token auth expects it: RS256 with the certificate in
// the token. The logins of `users` may pull and push; whether the anonymous may pull is for the test.
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { closeServer, listen, trackSockets } from './net-ports.ts'
import { run } from './process.ts'
import { RequestLog } from './request-log.ts'
import { TempFolder } from './temp-folder.ts'

export const TOKEN_ISSUER = 'regmirror-test-issuer'
export const TOKEN_SERVICE = 'regmirror-test-registry'

export class TokenServer implements AsyncDisposable {
  realm = ''
  ttlSeconds = 300 // docker-registry takes a token for a minute longer
  anonymousMayPull = true
  readonly needLogin = new Set<string>() // repositories that the anonymous may not pull all the same
  users: Readonly<Record<string, string>> = { test: 'secret' }
  readonly log = new RequestLog()
  readonly certificateFile: string
  readonly #folder: TempFolder
  readonly #server: http.Server
  readonly #sockets: Set<Socket>
  #key: KeyObject | undefined
  #certificate = ''

  private constructor(folder: TempFolder) {
    this.#folder = folder
    this.certificateFile = folder.join('token.crt')
    this.#server = http.createServer((request, response) => void this.#answer(request, response))
    this.#sockets = trackSockets(this.#server)
  }

  static async start(): Promise<TokenServer> {
    const folder = new TempFolder('token')
    const server = new TokenServer(folder)
    await server.#makeKey(folder.join('token.key'))
    server.realm = `http://127.0.0.1:${await listen(server.#server)}/token`
    return server
  }

  async close(): Promise<void> {
    await closeServer(this.#server, this.#sockets)
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #makeKey(keyFile: string): Promise<void> {
    const rsa = ['-newkey', 'rsa:2048', '-nodes']
    const names = ['-subj', '/CN=regmirror test tokens', '-days', '3650']
    const files = ['-keyout', keyFile, '-out', this.certificateFile]
    await run('openssl', ['req', '-x509', ...rsa, ...names, ...files])
    this.#key = createPrivateKey(await readFile(keyFile))
    const pem = await readFile(this.certificateFile, 'utf8')
    this.#certificate = pem.replace(/-----[^-]+-----|\s/g, '')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/', headers } = request
    const entry = this.log.add({ method, url, headers })
    const form = method === 'POST' ? new URLSearchParams(await text(request)) : undefined
    const asked = form ?? new URL(url, this.realm).searchParams
    const login = form === undefined ? basicLogin(headers.authorization) : formLogin(form)
    const known = login !== undefined && this.users[login.user] === login.password
    entry.status = login !== undefined && !known ? 401 : 200
    entry.end = 'complete'
    const body =
      entry.status === 401
        ? { errors: [{ code: 'UNAUTHORIZED', message: 'wrong login' }] }
        : this.#token(asked, login?.user ?? '')
    response.writeHead(entry.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

  #token(asked: URLSearchParams, user: string): object {
    const access = asked
      .getAll('scope')
      .flatMap((scopes) => scopes.split(' '))
      .flatMap((scope) => {
        const [, type, name, actions] = /^([a-z]+):(.+):([a-z,*]*)$/.exec(scope) ?? []
        if (type === undefined || actions === undefined) return []
        const mayPull = this.anonymousMayPull && !this.needLogin.has(name ?? '')
        const isOpen = (action: string) => action === 'pull' && mayPull
        const allowed = actions.split(',').filter((action) => user !== '' || isOpen(action))
        return [{ type, name, actions: allowed }]
      })
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: TOKEN_ISSUER,
      sub: user,
      aud: asked.get('service') ?? TOKEN_SERVICE,
      iat: now,
      nbf: now - 10,
      exp: now + this.ttlSeconds,
      jti: randomUUID(),
      access,
    }
    const head = { typ: 'JWT', alg: 'RS256', x5c: [this.#certificate] }
    const signed = `${encode(head)}.${encode(claims)}`
    if (this.#key === undefined) throw new Error('the token server has no key yet')
    const signature = sign('RSA-SHA256', Buffer.from(signed), this.#key).toString('base64url')
    const token = `${signed}.${signature}`
    const issued = new Date(now * 1000).toISOString()
    return { token, access_token: token, expires_in: this.ttlSeconds, issued_at: issued }
  }
}

interface Login {
  readonly user: string
  readonly password: string
}

function basicLogin(header: string | undefined): Login | undefined {
  const [, encoded] = /^Basic (\S+)$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const [user = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':')
  return { user, password: rest.join(':') }
}

function formLogin(form: URLSearchParams): Login | undefined {
  const user = form.get('username')
  return user === null ? undefined : { user, password: form.get('password') ?? '' }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
