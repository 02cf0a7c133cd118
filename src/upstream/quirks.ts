// What is known about real registries, as data. Nothing here is relied on: a registry that behaves
// better, or that is not in the table, works too. Each row has a scripted twin of the same name in
// test/support/registry-behaviours.ts, through which test/feature/quirks.test.ts pulls.

export interface RegistryQuirks {
  readonly name: string
  /** Names and addresses of the registry; `*.` stands for one or more labels. */
  readonly hosts: readonly string[]
  /** Where its tokens are asked for, apart from its own hosts and domain; a login may go there too. */
  readonly realmHosts?: readonly string[]
  readonly note: string
}

export const REGISTRY_QUIRKS: readonly RegistryQuirks[] = [
  {
    name: 'Docker Hub',
    hosts: ['docker.io', 'registry-1.docker.io', 'index.docker.io'],
    realmHosts: ['auth.docker.io'],
    note:
      'gives a token for any repository and then 401 insufficient_scope for one that is missing or ' +
      'private; counts GETs of manifests and tells the pulls that are left; blobs are at storage that answers 400 to any login',
  },
  {
    name: 'GitHub',
    hosts: ['ghcr.io'],
    note:
      'the challenge of /v2/ names a made-up repository; the token server says 403 for a missing ' +
      'one; the referrers API redirects (303) to a web page',
  },
  {
    name: 'Quay',
    hosts: ['quay.io'],
    note: 'converts to schema 1 for an Accept without OCI types and lists; gzip on JSON was seen',
  },
  {
    name: 'Microsoft',
    hosts: ['mcr.microsoft.com'],
    note: 'converts to schema 1 for a poor Accept; some repositories have no tag list',
  },
  {
    name: 'Google',
    hosts: ['gcr.io', '*.gcr.io', '*.pkg.dev'],
    note:
      'service without quotes or missing; 401 without a challenge, which /v2/ then has; blobs by ' +
      'a relative redirect',
  },
  {
    name: 'Kubernetes',
    hosts: ['registry.k8s.io'],
    note:
      'sends everything to other registry hosts, which may ask for a token of their own and have ' +
      'the image under another name; the query is lost on the way',
  },
  {
    name: 'NVIDIA',
    hosts: ['nvcr.io'],
    realmHosts: ['authn.nvidia.com'],
    note: 'names another realm in answer to an expired token; the token comes as text/html',
  },
  {
    name: 'Amazon public',
    hosts: ['public.ecr.aws'],
    note: 'wants the scope `aws` as its challenge has it; HEAD of a blob is 401 with any token',
  },
  {
    name: 'Amazon private',
    hosts: ['*.amazonaws.com'],
    note: 'Basic only; manifests may come without Docker-Content-Digest; n above 1000 is 405',
  },
  {
    name: 'Red Hat',
    hosts: ['registry.access.redhat.com', 'registry.redhat.io'],
    note: 'gzip on JSON that nobody asked for; Docker-Content-Digest may be missing',
  },
  {
    name: 'Azure',
    hosts: ['*.azurecr.io'],
    note: 'the token is called access_token only; its storage answers 400 to any login',
  },
  {
    name: 'GitLab',
    hosts: ['registry.gitlab.com'],
    realmHosts: ['gitlab.com'],
    note: 'tokens are given by the web site, which is another host',
  },
  {
    name: 'Elastic',
    hosts: ['docker.elastic.co'],
    realmHosts: ['docker-auth.elastic.co'],
    note: 'tag lists of tens of thousands',
  },
  {
    name: 'LinuxServer',
    hosts: ['lscr.io'],
    realmHosts: ['ghcr.io'],
    note: 'challenges with the realm of ghcr.io, and redirects there',
  },
  {
    name: 'Gitea',
    hosts: ['codeberg.org', 'gitea.com'],
    note: 'Bearer and Basic in one header, with the scope `*`',
  },
  { name: 'Harbor', hosts: [], note: 'redirects (301) to its web page for a missing project' },
  { name: 'registry:2', hosts: [], note: 'plain, as the reference implementation is' },
  { name: 'crane registry', hosts: [], note: 'answers 416 to a range without an end' },
]

const NONE: RegistryQuirks = { name: 'unknown', hosts: [], note: '' }

/** By a registry's name or the host of an endpoint, without port; what is unknown has no quirks. */
export function quirksOf(registryHost: string): RegistryQuirks {
  const host = registryHost.toLowerCase()
  return REGISTRY_QUIRKS.find(({ hosts }) => hosts.some((each) => covers(each, host))) ?? NONE
}

/** Hosts that may get a registry's login for a token, apart from its own. */
export function knownRealmHosts(registryHost: string): readonly string[] {
  return quirksOf(registryHost).realmHosts ?? []
}

function covers(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}
