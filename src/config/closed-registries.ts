// Registries that are configured with care and of which nobody can read anything.

import type { Config } from './config.ts'

/** A sentence for each: what is asked with a client certificate counts as private, all of it. */
export function closedRegistries(registries: Config['registries']): readonly string[] {
  return Array.from(registries)
    .filter(([, { clientCertificate, private: policy }]) => {
      const isClosed = policy === 'deny' || policy.length === 0
      return clientCertificate !== undefined && isClosed
    })
    .map(
      ([name]) =>
        `${name}: everything of it is asked with its client certificate and so counts as private, ` +
        `and nobody may read that: allow it with --private ${name}=everyone, or with a list of ` +
        `repositories in the place of everyone`,
    )
}
