// Where the certificate that clients are shown comes from.

import type { KeyPair } from '../lib/key-pair.ts'

export interface PairSource {
  /** How often to look for another. */
  readonly everyMs: number
  /** Throws ConfigError where there is none to begin with. */
  first(): Promise<KeyPair>
  /** Another than the last one given, if there is one. Throws ConfigError with what is wrong with it. */
  next(): Promise<KeyPair | undefined>
}
