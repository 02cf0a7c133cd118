// The token server's answer (distribution token specification, "Token Response Fields"), pure.

import { Secret } from '../lib/secret.ts'

const LIFETIME_DEFAULT_MS = 60_000
const MARGIN_MS = 10_000

export interface TokenAnswer {
  readonly token: string
  /** From the moment the token was asked for, by the local clock. */
  readonly lifetimeMs: number
  /** To ask for further tokens with. */
  readonly refreshToken: Secret | undefined
}

/** Whatever Content-Type it came with: nvcr.io says text/html. Undefined where no usable token is in it. */
export function parseTokenAnswer(text: string): TokenAnswer | undefined {
  const fields = parseFields(text)
  // Azure's registry names it access_token only.
  const token = [fields['token'], fields['access_token']].find(isHeaderValue)
  if (token === undefined) return undefined
  const refreshToken = [fields['refresh_token']].find(isHeaderValue)
  return {
    token,
    lifetimeMs: tokenLifetimeMs(fields['expires_in']),
    refreshToken: refreshToken === undefined ? undefined : new Secret(refreshToken),
  }
}

/** Less than it says, so that a token does not expire on its way; less than a minute means a minute. */
export function tokenLifetimeMs(expiresIn: unknown): number {
  const seconds = typeof expiresIn === 'number' || typeof expiresIn === 'string' ? +expiresIn : NaN
  const saidMs = Number.isFinite(seconds) ? seconds * 1000 : 0
  const expiresMs = Math.max(saidMs, LIFETIME_DEFAULT_MS)
  return Math.min(expiresMs * 0.9, expiresMs - MARGIN_MS)
}

function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}

function parseFields(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
