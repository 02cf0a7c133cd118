// One request and its response, as a listener and the application share it.

import type { FileBody } from './byte-source.ts'

/** Made by the listener for each request; the application fills in what a Response cannot carry. */
export interface Exchange {
  /** The request target as it stood on the wire: `Request.url` has lost `//`, `..` and `%2e`. */
  readonly target: string
  /** The client's address. */
  readonly client: string
  /** The registry that the listener stands for, where it is one registry's own. */
  readonly listenerRegistry: string | undefined
  /** Where set, it is the body; the Response then gives only status and headers. */
  body?: FileBody
  /** Called once when `body` was sent to its end, or was broken off. */
  sent?: (sentBytes: number, isComplete: boolean) => void
}
