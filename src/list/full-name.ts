// The name of a repository in full, with its registry in front, as `list fmt` writes it.

import type { Naming } from './name-pattern.ts'

/**
 * `nginx` → `docker.io/library/nginx`, `K8S.gcr.io/pause` → `registry.k8s.io/pause`; what means the same.
 * `unaliased`: of the list it stands in; names that the list itself gives registries have their reasons.
 */
export function fullName(
  typed: string,
  naming: Naming,
  unaliased: (name: string) => string,
): string {
  if (unaliased(typed) !== typed) return withLowerHost(typed)
  const meant = naming(typed)
  if ('refused' in meant) return withLowerHost(typed)
  const full = `${meant.registry}/${meant.name}`
  const again = naming(unaliased(full))
  // A registry may be called by a name that only stands for itself in the settings, or in the list for
  // another one.
  const isSame =
    !('refused' in again) && again.registry === meant.registry && again.name === meant.name
  return isSame ? full : typed
}

function withLowerHost(typed: string): string {
  const slash = typed.indexOf('/')
  return typed.slice(0, Math.max(0, slash)).toLowerCase() + typed.slice(Math.max(0, slash))
}
