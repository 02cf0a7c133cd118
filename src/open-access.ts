// A configuration becomes what lists of the operator let anybody have. Nothing is decided here.

import type { Config } from './config/config.ts'
import type { Logger } from './lib/log.ts'
import type { Naming } from './list/name-pattern.ts'
import type { AccessFiles } from './list-files/access-files.ts'
import { canonicalNamed } from './mirror/target.ts'

/** Which repositories the names in lists mean. */
export function namingOf(config: Config): Naming {
  return (name) => canonicalNamed(name, config)
}

/** What may be had; undefined: everything. Rejects with ConfigError where a list of it cannot be used. */
export async function openAccess(config: Config, log: Logger): Promise<AccessFiles | undefined> {
  const { allow, block } = config
  if (allow === undefined && block === undefined) return undefined
  const { AccessFiles } = await import('./list-files/access-files.ts')
  return new AccessFiles({ allow, block, log, naming: namingOf(config) })
}
