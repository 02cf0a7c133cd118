// One request and its response, as a listener and the application share it.

import type { FileBody } from './byte-source.ts'

/** Made by the listener for each request; the application fills in what a Response cannot carry. */
export interface Exchange {
  readonly method: string
  /** The request target as it stood on the wire: `Request.url` has lost `//`, `..` and `%2e`. */
  readonly target: string
  /** As the client wrote it. */
  readonly host: string | undefined
  readonly ifNoneMatch: string | undefined
  /** The client's address. */
  readonly client: string
  /** The registry that the listener stands for, where it is one registry's own. */
  readonly listenerRegistry: string | undefined
  /** Where set, it is the body; the Response then gives only status and headers. */
  body?: FileBody
  /** Called once when `body` was sent to its end, or was broken off. */
  sent?: (sentBytes: number, isComplete: boolean) => void
  /** Set where an equal exchange may get the same response without the application. */
  again?: Repeatable
}

export interface Repeatable {
  /** Undefined where the response has none. */
  readonly body: Uint8Array | undefined
  /** Whether it still would be the response. */
  readonly lasts: () => boolean
  /** Whatever is noted, counted and logged of a response, for one more. */
  readonly given: (client: string) => void
}

/** A whole response, as it can be sent at once. */
export interface ReadyResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}
