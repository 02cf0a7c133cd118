// One HTTP exchange with one host, with nothing followed, retried or decoded.

// By file: Bun answers the bare name with a stand-in that decodes gzip and knows no time limits.
import { Agent } from 'undici/index.js'
import type { Dispatcher } from 'undici/index.js'
import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import type { UpstreamLimits } from './limits.ts'
import { transportFailure } from './transport-failure.ts'

export interface Exchange {
  readonly method: Method
  readonly headers: Readonly<Record<string, string>>
  readonly headersTimeoutMs: number
  readonly signal: AbortSignal
  /** Downloads keep to their own connections: a manifest never waits for 64 of them to end. */
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
  userAgent: string,
  limits: UpstreamLimits,
): Transport {
  const metadata = new Agent(agentOptions(limits))
  const downloads = new Agent(agentOptions(limits))

  async function send(url: URL, exchange: Exchange): Promise<Answer> {
    const { method, headers, signal } = exchange
    signal.throwIfAborted()
    const agent = exchange.download ? downloads : metadata
    try {
      const response = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        // Encoded bytes have another size and digest than the ones that were pushed.
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers },
        headersTimeout: exchange.headersTimeoutMs,
        bodyTimeout: limits.bodyIdleTimeoutMs,
        signal,
      })
      return answerOf(url, method, response)
    } catch (error) {
      throw transportFailure(error, { registry, host: url.host, vital: exchange.vital })
    }
  }

  async function close(): Promise<void> {
    const reason = new AttemptError('unreachable', `${registry}: the mirror is stopping`)
    await Promise.all([metadata.destroy(reason), downloads.destroy(reason)])
  }

  return { send, close }
}

function answerOf(url: URL, method: Method, response: Dispatcher.ResponseData): Answer {
  const { statusCode: status, headers, body } = response
  // Destroying an unfinished body emits an error, which nobody may be listening for any more.
  body.on('error', () => {})
  return { url, method, status, headers, body }
}

function agentOptions(limits: UpstreamLimits): Agent.Options {
  return {
    connections: limits.connectionsPerOrigin,
    pipelining: 1,
    allowH2: false,
    // Docker Hub counts pulls per IPv4 address or IPv6 /64, and one of the two is often broken.
    autoSelectFamily: true,
    connectTimeout: limits.connectTimeoutMs,
    bodyTimeout: limits.bodyIdleTimeoutMs,
  }
}
