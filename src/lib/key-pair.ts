// A certificate and the key that proves it.

import type { Secret } from './secret.ts'

/** PEM texts; the certificate may be followed by its chain. */
export interface KeyPair {
  readonly certificate: string
  readonly key: Secret
}
