// Real registries as they behave on the wire, one per row of src/upstream/quirks.ts, for tests.
import { Secret } from '../../src/lib/secret.ts'
import { DOCKER_SCHEMA1_SIGNED, OCI_INDEX } from '../../src/oci/media-type.ts'
import { blobsAt, error, gzipped, json, plain, signedStorage } from './registry-double.ts'
import { target, without } from './registry-double.ts'
import type { Answer, Asked, Handler, Host, Manners, RegistryDouble } from './registry-double.ts'
import type { RegistryChanges } from './test-mirror.ts'

export interface Behaviour {
  /** Of its row in src/upstream/quirks.ts. */
  readonly name: string
  readonly manners: Manners
  /** What the operator has to say of it. */
  readonly settings?: Omit<RegistryChanges, 'endpoints'>
  /** Of the repository; default: `library/app`. */
  readonly repository?: string
  readonly cost: (pull: PullSize) => Readonly<Record<Host, number>>
  /** What a client gets for a repository that is not there; default: 404. */
  readonly missing?: number
}

/** `requests`: the HEAD of the tag, a GET of each manifest and of each blob. */
export interface PullSize {
  readonly requests: number
  readonly blobs: number
}

interface Dance {
  readonly challenge: (realm: string, scope: string) => string
  /** Default: of the repository that is asked for. */
  readonly scope?: string
  readonly realm?: (double: RegistryDouble) => string
}

// Wants a token of the right scope for everything.
function bearer({ challenge, scope, realm }: Dance, inner: Handler): Handler {
  return (asked, double) => {
    const wanted = scope ?? `repository:${target(asked)?.name ?? double.name}:pull`
    if (double.scopeOf(asked) === wanted) return inner(asked, double)
    const at = realm?.(double) ?? `${double.url('realm')}/token`
    return error(401, 'UNAUTHORIZED', { 'www-authenticate': challenge(at, wanted) })
  }
}

// Gives a token for whatever scope is asked for.
function tokens(give: (token: string) => Answer, service: string | null = null): Handler {
  return ({ query, headers }, double) => {
    if (query.get('service') !== service || headers.authorization) return error(400, 'UNSUPPORTED')
    return give(double.newToken(query.get('scope') ?? ''))
  }
}

const quoted =
  (service: string) =>
  (realm: string, scope: string): string =>
    `Bearer realm="${realm}",service="${service}",scope="${scope}"`

const asToken = (token: string): Answer => json({ token, expires_in: 300 })

// Schema 1 for whoever does not accept the newer types.
function schema1ForPoorAccept(inner: Handler): Handler {
  return (asked, double) => {
    const isPoor = !asked.headers.accept?.includes(OCI_INDEX)
    if (target(asked)?.kind !== 'manifests' || !isPoor) return inner(asked, double)
    const body = JSON.stringify({ schemaVersion: 1, name: double.name, fsLayers: [] })
    return { status: 200, headers: { 'content-type': DOCKER_SCHEMA1_SIGNED }, body }
  }
}

function missingBy(answer: (asked: Asked) => Answer, inner: Handler): Handler {
  return (asked, double) => {
    const wanted = target(asked)
    return wanted && wanted.name !== double.name ? answer(asked) : inner(asked, double)
  }
}

const hubQuota: Handler = (asked, double) => {
  const answer = blobsAt('storage', plain)(asked, double)
  const quota = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' }
  const isManifest = target(asked)?.kind === 'manifests'
  return isManifest ? { ...answer, headers: { ...answer.headers, ...quota } } : answer
}

const hubRefusal: Handler = (asked, double) => {
  const scope = `repository:${target(asked)?.name}:pull`
  const realm = `${double.url('realm')}/token`
  const challenge = `${quoted('registry.docker.io')(realm, scope)},error="insufficient_scope"`
  return error(401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
}

const hub: Handler = (asked, double) =>
  target(asked)?.name === double.name
    ? bearer({ challenge: quoted('registry.docker.io') }, hubQuota)(asked, double)
    : hubRefusal(asked, double)

const github: Handler = (asked, double) => {
  const wanted = target(asked)
  const realm = `${double.url('registry')}/token`
  if (asked.path === '/token') {
    const scope = asked.query.get('scope') ?? ''
    if (scope !== `repository:${double.name}:pull`) return error(403, 'DENIED')
    return asToken(double.newToken(scope))
  }
  const scope = wanted ? `repository:${wanted.name}:pull` : 'repository:user/image:pull'
  const challenge = (): string => quoted('ghcr.io')(realm, scope)
  if (wanted?.kind === 'referrers') {
    return { status: 303, headers: { location: `${double.url('storage')}/web` } }
  }
  return bearer({ challenge }, blobsAt('storage', plain))(asked, double)
}

const google: Handler = (asked, double) => {
  if (asked.path === '/v2/token') {
    return asToken(double.newToken(asked.query.get('scope') ?? ''))
  }
  const challenge = (realm: string): string => `Bearer realm="${realm}",service=gcr.io`
  const realm = (): string => `${double.url('registry')}/v2/token`
  const isPing = target(asked) === undefined
  const isFile = asked.path.startsWith('/artifacts-downloads/')
  // Only the ping has the challenge; files behind the redirect want the token too.
  const scope = `repository:${double.name}:pull`
  const inner = bearer({ challenge, scope, realm }, blobsAt('here', plain))
  const answer = inner(asked, double)
  return answer.status === 401 && !isPing && !isFile ? error(401, 'UNAUTHORIZED') : answer
}

const K8S_PREFIX = '/v2/k8s-artifacts-prod/images/'

// The first host knows nothing but where the others are.
const kubernetes: Handler = ({ path }, double) =>
  path === '/v2/'
    ? json({})
    : {
        status: 307,
        headers: { location: `${double.url('storage')}${path.replace('/v2/', K8S_PREFIX)}` },
      }

const artifactRegistry: Handler = (asked, double) => {
  const path = asked.path.replace(K8S_PREFIX, '/v2/')
  const scope = `repository:k8s-artifacts-prod/images/${double.name}:pull`
  return bearer({ challenge: quoted('ar'), scope }, (_, at) => plain({ ...asked, path }, at))(
    asked,
    double,
  )
}

// A token that has expired is answered with a realm that has nothing for us.
const nvidia: Handler = (asked, double) => {
  const realm = (): string =>
    asked.headers.authorization === undefined
      ? `${double.url('realm')}/proxy_auth`
      : `${double.url('realm')}/elsewhere`
  const challenge = (at: string, scope: string): string => `Bearer realm="${at}",scope="${scope}"`
  return bearer({ challenge, realm }, plain)(asked, double)
}

const nvidiaTokens: Handler = (asked, double) => {
  if (asked.path !== '/proxy_auth') return error(401, 'UNAUTHORIZED')
  const token = double.newToken(asked.query.get('scope') ?? '')
  const body = JSON.stringify({ token, expires_in: 600 })
  return { status: 200, headers: { 'content-type': 'text/html' }, body }
}

const amazonPublic: Handler = (asked, double) => {
  if (target(asked)?.kind === 'blobs' && asked.method === 'HEAD') return error(401, 'DENIED')
  const dance = { challenge: quoted('public.ecr.aws'), scope: 'aws' }
  return bearer(dance, blobsAt('storage', plain))(asked, double)
}

const AMAZON = { username: 'AWS', password: 'twelve-hours' }

const amazonPrivate: Handler = (asked, double) => {
  const login = Buffer.from(`${AMAZON.username}:${AMAZON.password}`).toString('base64')
  if (asked.headers.authorization !== `Basic ${login}`) {
    const realm = `Basic realm="${double.url('registry')}/",service="ecr.amazonaws.com"`
    return error(401, 'UNAUTHORIZED', { 'www-authenticate': realm })
  }
  return without('docker-content-digest', blobsAt('storage', plain))(asked, double)
}

const gitea = (realm: string): string =>
  `Bearer realm="${realm}",service="container_registry",scope="*",Basic realm="${realm}"`

const harborPage = (): Answer => ({ status: 301, headers: { location: '/harbor/projects' } })

const harbor: Handler = (asked, double) =>
  asked.path === '/harbor/projects'
    ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }
    : bearer({ challenge: quoted('harbor-registry') }, plain)(asked, double)

const crane: Handler = (asked, double) =>
  /^bytes=\d+-$/.test(asked.headers.range ?? '') ? error(416, 'BLOB_UNKNOWN') : plain(asked, double)

type Cost = Behaviour['cost']

const open: Cost = ({ requests }) => ({ registry: requests, realm: 0, storage: 0 })
// A token is asked for once, after the first request has been refused.
const withToken: Cost = ({ requests }) => ({ registry: requests + 1, realm: 1, storage: 0 })
const withStorage =
  (cost: Cost): Cost =>
  (pull) => ({ ...cost(pull), storage: pull.blobs })
// Each request is one more at the host it is redirected to, which wants a token.
const elsewhere: Cost = ({ requests }) => ({ registry: requests, realm: 1, storage: requests + 1 })

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    name: 'Docker Hub',
    manners: {
      registry: hub,
      realm: tokens(asToken, 'registry.docker.io'),
      storage: signedStorage,
    },
    cost: withStorage(withToken),
  },
  {
    name: 'GitHub',
    manners: { registry: github, storage: signedStorage },
    repository: 'org/app',
    cost: ({ requests, blobs }) => ({ registry: requests + 2, realm: 0, storage: blobs }),
  },
  {
    name: 'Quay',
    manners: {
      registry: gzipped(schema1ForPoorAccept(blobsAt('storage', plain))),
      storage: signedStorage,
    },
    cost: withStorage(open),
  },
  {
    name: 'Microsoft',
    manners: { registry: schema1ForPoorAccept(blobsAt('storage', plain)), storage: signedStorage },
    cost: withStorage(open),
  },
  // The first refusal, the ping that has the challenge, the token; blobs are two requests each.
  {
    name: 'Google',
    manners: { registry: google },
    cost: ({ requests, blobs }) => ({ registry: requests + blobs + 3, realm: 0, storage: 0 }),
  },
  {
    name: 'Kubernetes',
    manners: { registry: kubernetes, storage: artifactRegistry, realm: tokens(asToken, 'ar') },
    cost: elsewhere,
  },
  {
    name: 'NVIDIA',
    manners: { registry: nvidia, realm: nvidiaTokens },
    cost: withToken,
  },
  {
    name: 'Amazon public',
    manners: {
      registry: amazonPublic,
      realm: tokens(asToken, 'public.ecr.aws'),
      storage: signedStorage,
    },
    cost: withStorage(withToken),
  },
  {
    name: 'Amazon private',
    manners: { registry: amazonPrivate, storage: signedStorage },
    settings: {
      credentials: {
        kind: 'login',
        username: AMAZON.username,
        password: new Secret(AMAZON.password),
      },
      private: 'everyone',
    },
    // Refused once in the open; the ping then tells whether it is the login that is good.
    cost: ({ requests, blobs }) => ({ registry: requests + 3, realm: 0, storage: blobs }),
  },
  {
    name: 'Red Hat',
    manners: { registry: gzipped(without('docker-content-digest', plain)) },
    cost: open,
  },
  {
    name: 'Azure',
    manners: {
      registry: bearer({ challenge: quoted('lab.azurecr.io') }, blobsAt('storage', plain)),
      realm: tokens((token) => json({ access_token: token }), 'lab.azurecr.io'),
      storage: signedStorage,
    },
    cost: withStorage(withToken),
  },
  {
    name: 'GitLab',
    manners: {
      registry: bearer({ challenge: quoted('container_registry') }, blobsAt('storage', plain)),
      realm: tokens(asToken, 'container_registry'),
      storage: signedStorage,
    },
    cost: withStorage(withToken),
  },
  {
    name: 'Elastic',
    manners: {
      registry: bearer({ challenge: quoted('token-service') }, plain),
      realm: tokens(asToken, 'token-service'),
    },
    cost: withToken,
  },
  {
    // Everything is at ghcr.io, which asks for the token itself.
    name: 'LinuxServer',
    manners: {
      registry: ({ path }, double) => ({
        status: 307,
        headers: { location: `${double.url('storage')}${path}` },
      }),
      storage: bearer({ challenge: quoted('ghcr.io') }, plain),
      realm: tokens(asToken, 'ghcr.io'),
    },
    cost: elsewhere,
  },
  {
    name: 'Gitea',
    manners: {
      registry: bearer({ challenge: gitea, scope: '*' }, plain),
      realm: tokens(asToken, 'container_registry'),
    },
    cost: withToken,
  },
  {
    name: 'Harbor',
    manners: {
      registry: missingBy(harborPage, harbor),
      realm: tokens(asToken, 'harbor-registry'),
    },
    // A page may also be a captive portal's, so it is no absence.
    missing: 502,
    cost: withToken,
  },
  { name: 'registry:2', manners: { registry: plain }, cost: open },
  { name: 'crane registry', manners: { registry: crane }, cost: open },
]
