// Where docker-registry keeps what it has, as an upstream and as a proxy.
import path from 'node:path'

export function registryBlobFile(folder: string, digest: string): string {
  const hex = digest.slice('sha256:'.length)
  return path.join(folder, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
}
