// What names in lists mean to a mirror.
import type { Naming } from '../../src/list/name-pattern.ts'
import { canonicalNamed } from '../../src/mirror/target.ts'
import { addressing } from './addressing.ts'

export function naming(defaultRegistry = 'docker.io'): Naming {
  return (name) => canonicalNamed(name, { ...addressing, defaultRegistry })
}
