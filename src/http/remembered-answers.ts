// Answers that were given once and can be given again as they are, with nothing looked up or put together:
// the application stays the one that decides, this only repeats it.

import { LRUCache } from 'lru-cache'
import type { Exchange, ReadyResponse, Repeatable } from '../lib/exchange.ts'

/** The manifests of some thousand images, which is more than is asked for at one time. */
const ANSWERS_MAX = 4000
const BYTES_MAX = 8 * 1024 * 1024
/** Of an answer beside its body: headers and what holds them. */
const HEAD_BYTES = 1024

type Remembered = ReadyResponse & Repeatable

export class RememberedAnswers {
  readonly #answers = new LRUCache<string, Remembered>({
    max: ANSWERS_MAX,
    maxSize: BYTES_MAX,
    sizeCalculation: ({ body }, key) => HEAD_BYTES + key.length + (body?.byteLength ?? 0),
  })

  keep(exchange: Exchange, response: Response): void {
    const { again } = exchange
    if (!again) return
    const { status } = response
    const headers = Object.fromEntries(response.headers)
    this.#answers.set(keyOf(exchange), { ...again, status, headers })
  }

  /** Undefined where the application has to answer. What is returned is to be sent. */
  recall(exchange: Exchange): ReadyResponse | undefined {
    const key = keyOf(exchange)
    const remembered = this.#answers.get(key)
    if (!remembered) return undefined
    if (!remembered.lasts()) {
      this.#answers.delete(key)
      return undefined
    }
    remembered.given(exchange.client)
    return remembered
  }
}

/** Everything of a request that an answer about a manifest comes of. No part of it can hold a line break. */
function keyOf(exchange: Exchange): string {
  const { method, target, host = '', listenerRegistry = '', ifNoneMatch = '' } = exchange
  return `${method}\n${target}\n${host}\n${listenerRegistry}\n${ifNoneMatch}`
}
