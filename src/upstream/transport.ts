// One HTTP exchange with one host, with nothing followed, retried or decoded.

import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { Dispatchers } from './dispatchers.ts'
import type { WaySettings } from './dispatchers.ts'
import type { UpstreamLimits } from './limits.ts'
import { refusedByProxy } from './proxy-failure.ts'
import { transportFailure } from './transport-failure.ts'
import { errors } from './undici.ts'
import type { Dispatcher } from './undici.ts'

export interface Exchange {
  readonly method: Method
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly headersTimeoutMs: number
  readonly signal: AbortSignal
  readonly download: boolean
  /** Whether the endpoint is down when this host is; false for the storage it redirects to. */
  readonly vital: boolean
}

export interface Transport {
  /** Resolves when the headers are here. Rejects with AttemptError, or the reason of `signal`. */
  send(url: URL, exchange: Exchange): Promise<Answer>
  close(): Promise<void>
}

export function createTransport(
  registry: string,
  settings: WaySettings,
  userAgent: string,
  limits: UpstreamLimits,
): Transport {
  const dispatchers = new Dispatchers(settings, userAgent, limits)
  /** What came behind a HEAD may have stood where the next answer was expected: origins. */
  const talkative = new Set<string>()

  async function send(url: URL, exchange: Exchange): Promise<Answer> {
    const { method, headers, headersTimeoutMs: headersTimeout, signal } = exchange
    signal.throwIfAborted()
    const path = url.pathname + url.search
    try {
      const { agent, forwarder, headers: forProxy } = dispatchers.wayTo(url, exchange.download)
      const response = await agent.request({
        origin: url.origin,
        path: forwarder ? url.origin + path : path,
        method,
        // Encoded bytes have another size and digest than the ones that were pushed.
        headers: {
          'user-agent': userAgent,
          'accept-encoding': 'identity',
          ...headers,
          ...forProxy,
        },
        ...(exchange.body !== undefined && { body: exchange.body }),
        // Else undici dials anew after every HEAD, as some servers send a body behind one.
        ...(method === 'HEAD' && !talkative.has(url.origin) && { reset: false }),
        headersTimeout,
        bodyTimeout: limits.bodyIdleTimeoutMs,
        signal,
      })
      const answer = answerOf(url, method, response)
      if (!forwarder || answer.status !== 407) return answer
      answer.body.destroy()
      throw refusedByProxy(forwarder, 407, url.host)
    } catch (error) {
      if (error instanceof errors.HTTPParserError) talkative.add(url.origin)
      throw transportFailure(error, { registry, host: url.host, vital: exchange.vital })
    }
  }

  function close(): Promise<void> {
    return dispatchers.close(new AttemptError('unreachable', `${registry}: the mirror is stopping`))
  }

  return { send, close }
}

function answerOf(url: URL, method: Method, response: Dispatcher.ResponseData): Answer {
  const { statusCode: status, headers, body } = response
  // Destroying an unfinished body emits an error, which nobody may be listening for any more.
  body.on('error', () => {})
  return { url, method, status, headers, body }
}
