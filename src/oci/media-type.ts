// Media types of manifests and the one Accept set that upstreams are ever sent.

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

/**
 * Sent with every tag request, whatever the client accepts, so that one tag means one digest.
 * Without the lists quay.io and mcr.microsoft.com convert to schema 1; with a wildcard they may too.
 */
export const ACCEPT_BY_TAG = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(', ')

/** By digest the bytes are fixed, so anything may be accepted. */
export const ACCEPT_BY_DIGEST = `${ACCEPT_BY_TAG}, ${OCI_ARTIFACT}, */*`

const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  OCI_INDEX,
  OCI_MANIFEST,
  OCI_ARTIFACT,
  DOCKER_LIST,
  DOCKER_MANIFEST,
])

export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.has(mediaType)
}

export function isSchema1(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED
}

/** Layers whose descriptors say where else to get them: they may not be pushed, and registries lack them. */
const FOREIGN_LAYER =
  /^application\/vnd\.(?:docker\.image\.rootfs\.foreign|oci\.image\.layer\.nondistributable)\./

export function isForeignLayer(mediaType: string): boolean {
  return FOREIGN_LAYER.test(mediaType)
}

/** The bare, lower-case type of a Content-Type header; parameters such as charset fall away. */
export function bareMediaType(contentType: string | undefined): string | undefined {
  const bare = contentType?.split(';')[0]?.trim().toLowerCase()
  return bare === '' ? undefined : bare
}
