// Whom a request to one endpoint is sent as (distribution token specification, "How to authenticate").

import { UpstreamError } from '../errors.ts'
import { AnonymousSender } from './anonymous-sender.ts'
import type { AuthorizedAnswer, AuthorizedRequest } from './authorized.ts'
import type { UpstreamLimits } from './limits.ts'
import type { EndpointLogins } from './endpoint-logins.ts'
import { checkLogin } from './login-check.ts'
import { LoginProofs } from './login-proof.ts'
import { isSameHost } from './login-reach.ts'
import type { LoginSite } from './login-reach.ts'
import { LoginSender } from './login-sender.ts'
import { PingedChallenge } from './pinged-challenge.ts'
import type { Ping } from './pinged-challenge.ts'
import type { Tokens } from './tokens.ts'
import type { LoginCheck } from './upstream.ts'

export interface AuthorizerOptions {
  readonly site: LoginSite
  readonly tokens: Tokens
  /** Undefined where the login of the registry is not for this endpoint. */
  readonly logins: EndpointLogins | undefined
  readonly limits: UpstreamLimits
  readonly now: () => number
  /** Asks `/v2/` of the endpoint. */
  readonly ping: Ping
}

export class Authorizer {
  readonly #site: LoginSite
  readonly #anonymous: AnonymousSender
  readonly #withLogin: LoginSender | undefined
  readonly #checkLogin: (signal: AbortSignal) => Promise<LoginCheck>

  constructor({ site, tokens, logins, limits, now, ping }: AuthorizerOptions) {
    const pinged = new PingedChallenge({ ping, limits, now })
    const proofs = new LoginProofs({ site, tokens, limits, now, ping, pinged })
    const anonymous = new AnonymousSender({ site, tokens, pinged, limits })
    const shared = { site, tokens, limits, proofs, pinged, anonymous }
    this.#site = site
    this.#anonymous = anonymous
    this.#withLogin = logins && new LoginSender({ ...shared, logins })
    this.#checkLogin = (signal) => checkLogin({ site, logins, proofs, pinged }, signal)
  }

  /** A refusal comes back only when there is nothing left to try. */
  async send(request: AuthorizedRequest): Promise<AuthorizedAnswer> {
    // What answers behind a redirect is not whom the login is for.
    const mayUseLogin = !request.anonymously && isSameHost(request.url, this.#site.endpoint)
    const sender = mayUseLogin ? this.#withLogin : undefined
    return await (sender ?? this.#anonymous).send(request)
  }

  /** Without pulling anything. */
  async checkLogin(signal: AbortSignal): Promise<LoginCheck> {
    try {
      return await this.#checkLogin(signal)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      return { outcome: 'unreachable', message: error.message }
    }
  }
}
