// Registries that work with no configuration, and the other names they go by. Data only.

export const wellKnownRegistries: ReadonlyMap<string, string> = new Map([
  ['docker.io', 'https://registry-1.docker.io'],
  ['ghcr.io', 'https://ghcr.io'],
  ['quay.io', 'https://quay.io'],
  ['gcr.io', 'https://gcr.io'],
  ['registry.k8s.io', 'https://registry.k8s.io'],
  ['mcr.microsoft.com', 'https://mcr.microsoft.com'],
  ['nvcr.io', 'https://nvcr.io'],
  ['docker.elastic.co', 'https://docker.elastic.co'],
  ['public.ecr.aws', 'https://public.ecr.aws'],
  ['cr.l5d.io', 'https://cr.l5d.io'],
  ['registry.jujucharms.com', 'https://registry.jujucharms.com'],
  ['dhi.io', 'https://dhi.io'],
])

export const wellKnownAliases: ReadonlyMap<string, string> = new Map([
  ['index.docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['registry.hub.docker.com', 'docker.io'],
  ['www.docker.io', 'docker.io'],
  // Frozen in 2023; its images live on under the new name.
  ['k8s.gcr.io', 'registry.k8s.io'],
])

/** What stands before the base domain: `ghcr` in `ghcr.box.lan`, as public mirrors call them. */
export const wellKnownSubdomains: ReadonlyMap<string, string> = new Map([
  ['docker', 'docker.io'],
  ['ghcr', 'ghcr.io'],
  ['quay', 'quay.io'],
  ['gcr', 'gcr.io'],
  ['k8s', 'registry.k8s.io'],
  ['k8s-gcr', 'registry.k8s.io'],
  ['mcr', 'mcr.microsoft.com'],
  ['nvcr', 'nvcr.io'],
  ['elastic', 'docker.elastic.co'],
  ['ecr', 'public.ecr.aws'],
  ['l5d', 'cr.l5d.io'],
  ['jujucharms', 'registry.jujucharms.com'],
  ['dhi', 'dhi.io'],
])

export function canonicalRegistry(name: string): string {
  return wellKnownAliases.get(name) ?? name
}
