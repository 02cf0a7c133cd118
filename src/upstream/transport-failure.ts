// What broke in an exchange, as one of our kinds and in words.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import { AttemptError } from './attempt-error.ts'
import { ProxyFailure } from './proxy-failure.ts'
import { tlsWords } from './tls-failure.ts'
import { errors } from './undici.ts'

export interface Peer {
  readonly registry: string
  readonly host: string
  readonly vital: boolean
}

interface Verdict {
  readonly kind: UpstreamErrorKind
  /** What follows the name of the host. */
  readonly words: string
  /** Whether the same request may well succeed a moment later; default: yes. */
  readonly transient?: boolean
}

const CUT: Verdict = {
  kind: 'unreachable',
  words: 'closed the connection before the answer was whole',
}

/** The codes that say more than "the connection broke". */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  UND_ERR_CONNECT_TIMEOUT: { kind: 'unreachable', words: 'took too long to accept a connection' },
  UND_ERR_HEADERS_TIMEOUT: { kind: 'timed-out', words: 'took too long to answer' },
  UND_ERR_BODY_TIMEOUT: { kind: 'timed-out', words: 'stopped sending in the middle of the answer' },
  UND_ERR_HEADERS_OVERFLOW: { kind: 'bad-response', words: 'sent headers that are too large' },
  UND_ERR_ABORTED: { kind: 'unreachable', words: 'was not read to its end' },
  UND_ERR_DESTROYED: { kind: 'unreachable', words: 'is not asked any more', transient: false },
  UND_ERR_CLOSED: { kind: 'unreachable', words: 'is not asked any more', transient: false },
  UND_ERR_SOCKET: CUT,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: CUT,
  ECONNRESET: CUT,
  EPIPE: CUT,
}

/** Passes an UpstreamError through, since an aborted exchange rejects with the reason it was given. */
export function transportFailure(error: unknown, peer: Peer): UpstreamError {
  if (error instanceof UpstreamError) return error
  const { registry, host, vital } = peer
  const isProxy = error instanceof ProxyFailure
  const verdict = isProxy ? verdictOnProxy(error, registry) : verdictOn(error, registry)
  const { kind, words, transient = true } = verdict
  const who = isProxy ? `the proxy ${error.host}` : host
  return new AttemptError(kind, `${registry}: ${who} ${words}`, {
    cause: error,
    host: isProxy ? error.host : host,
    transient,
    endpointDown: vital && kind !== 'bad-response',
  })
}

function verdictOn(error: unknown, registry: string): Verdict {
  const code = codeOf(error)
  const known = VERDICTS[code]
  if (known) return known
  const words = tlsWords(code, error, registry)
  if (words !== undefined) return { kind: 'unreachable', words, transient: false }
  if (error instanceof errors.HTTPParserError)
    return { kind: 'bad-response', words: 'sent what is not HTTP' }
  return { kind: 'unreachable', words: `cannot be reached: ${reasonOf(error)}` }
}

/** A proxy that was reached has said in its own words what is wrong. */
function verdictOnProxy(failure: ProxyFailure, registry: string): Verdict {
  const { words, transient } = failure
  if (words === undefined) return { ...verdictOn(failure.cause, registry), kind: 'unreachable' }
  return { kind: 'unreachable', words, transient }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** With several addresses tried, Node gives an AggregateError that has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join(', ')
  }
  // After a semicolon Node advises on its own command line, which nobody here has.
  if (error instanceof Error) return error.message.split(';')[0] || codeOf(error) || error.name
  return String(error)
}
