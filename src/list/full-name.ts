// The name of a repository in full, with its registry in front, as `list fmt` writes it.

import type { Naming } from './name-pattern.ts'

/** `nginx` → `docker.io/library/nginx`, `K8S.gcr.io/pause` → `registry.k8s.io/pause`; what means the same. */
export function fullName(typed: string, naming: Naming): string {
  const meant = naming(typed)
  if ('refused' in meant) return withLowerHost(typed)
  const full = `${meant.registry}/${meant.name}`
  const again = naming(full)
  // A registry may be called by a name that only stands for itself in the settings.
  const isSame =
    !('refused' in again) && again.registry === meant.registry && again.name === meant.name
  return isSame ? full : typed
}

function withLowerHost(typed: string): string {
  const slash = typed.indexOf('/')
  return typed.slice(0, Math.max(0, slash)).toLowerCase() + typed.slice(Math.max(0, slash))
}
