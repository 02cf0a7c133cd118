// Docker's config.json and containers' auth.json, which share one shape. Pure.

import { LoginError } from '../errors.ts'
import type { Login } from '../upstream/login.ts'
import { isObject, parseObject } from './json.ts'
import type { Fields } from './json.ts'
import { identityToken, loginOf, registryToken, splitLogin } from './read-login.ts'

export interface DockerConfig {
  readonly path: string
  readonly entries: readonly Entry[]
  /** Host → the helper that has its login. */
  readonly helpers: ReadonlyMap<string, Helper>
  /** The helper for all other hosts. */
  readonly store: string | undefined
}

export interface Helper {
  /** `ecr-login` of `docker-credential-ecr-login`. */
  readonly suffix: string
  /** What the helper knows the host as. */
  readonly serverUrl: string
}

interface Entry {
  readonly key: string
  readonly host: string
  /** Below the host; '' for all of it. */
  readonly path: string
  readonly fields: Fields
}

/** Where a login may be, in the order to look. */
export type Place =
  | { readonly kind: 'helper'; readonly helper: Helper }
  | { readonly kind: 'entry'; readonly entry: Entry }

const HUB = 'docker.io'
const HUB_HOSTS = [HUB, 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']
/** As `docker login` writes it. */
const HUB_KEY = 'https://index.docker.io/v1/'

/** Throws LoginError, in which nothing of the text is quoted. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  const top = parseObject(text)
  if (!top) throw new LoginError(`${path} is not JSON as docker login writes it`)
  const { auths, credHelpers, credsStore } = top
  const isModern = 'auths' in top || 'credHelpers' in top || 'credsStore' in top
  // .dockercfg was the bare map.
  const entries = fieldsOf(isModern ? auths : top)
  return {
    path,
    entries: Object.entries(entries)
      .filter(([, fields]) => isObject(fields))
      .map(([key, fields]) => ({ key, ...parseKey(key), fields: fieldsOf(fields) })),
    helpers: new Map(
      Object.entries(fieldsOf(credHelpers)).flatMap(([key, suffix]) =>
        typeof suffix === 'string'
          ? [[parseKey(key).host, { suffix, serverUrl: key }] as const]
          : [],
      ),
    ),
    store: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
  }
}

/**
 * A host's own helper, the helper for all, then what is written in the file itself: the key with the
 * longest path that the repository begins with.
 */
export function placesFor(
  config: DockerConfig,
  host: string,
  repository: string | undefined,
): Place[] {
  const name = canonicalHost(host)
  const own = config.helpers.get(name)
  const store = config.store && {
    suffix: config.store,
    serverUrl: name === HUB ? HUB_KEY : host,
  }
  // An empty name of a helper means the file itself.
  const helper = own ? (own.suffix === '' ? undefined : own) : store
  const entries = config.entries
    .filter((entry) => entry.host === name && covers(entry.path, repository))
    .sort((a, b) => b.path.length - a.path.length || rank(a) - rank(b))
  return [
    ...(helper ? [{ kind: 'helper', helper } as const] : []),
    ...entries.map((entry) => ({ kind: 'entry', entry }) as const),
  ]
}

/** Whether any repository of the host may have a login. */
export function mayHaveLogin(config: DockerConfig, host: string): boolean {
  const name = canonicalHost(host)
  const suffix = config.helpers.get(name)?.suffix ?? config.store ?? ''
  return suffix !== '' || config.entries.some((entry) => entry.host === name)
}

/** Names below which repositories of the host have logins of their own. */
export function namespacesOf(config: DockerConfig, host: string): readonly string[] {
  const name = canonicalHost(host)
  return config.entries
    .filter((entry) => entry.host === name && entry.path !== '')
    .map(({ path }) => path)
}

/** Undefined for `{}`, which stands for a login that a helper has. Throws LoginError. */
export function loginOfEntry({ key, fields }: Entry, path: string): Login | undefined {
  const where = `${path}: auths ${JSON.stringify(key)}`
  const text = (name: string): string => {
    const value = fields[name]
    return typeof value === 'string' ? value : ''
  }
  if (text('registrytoken') !== '') return registryToken(text('registrytoken'), where)
  if (text('identitytoken') !== '') return identityToken(text('identitytoken'), where)
  if (text('auth') !== '') {
    const { username, password } = decodeAuth(text('auth'), where)
    return loginOf(username, password, where)
  }
  if (text('username') === '' && text('password') === '') return undefined
  return loginOf(text('username'), text('password'), where)
}

export function encodeAuth(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64')
}

function decodeAuth(auth: string, where: string): { username: string; password: string } {
  const text = auth.replace(/\s/g, '')
  const decoded = /^[\w+/-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64').toString() : ''
  const login = splitLogin(decoded)
  if (!login) throw new LoginError(`${where} has an auth that is not base64 of USER:PASSWORD`)
  return { username: login.username, password: login.password.replace(/\0+$/, '') }
}

/** `https://host/v1/` stands for the host, `host/org/app` for those repositories of it. */
function parseKey(key: string): { host: string; path: string } {
  const bare = key.trim().replace(/^https?:\/\//i, '')
  const [host = '', ...rest] = bare.split('/')
  const path = bare === key.trim() ? rest.join('/').replace(/\/+$/, '') : ''
  return { host: canonicalHost(host), path: /^v[12]$/.test(path) ? '' : path }
}

function covers(path: string, repository: string | undefined): boolean {
  return path === '' || repository === path || (repository?.startsWith(`${path}/`) ?? false)
}

/** Of several keys for one host the plain one counts, then the one that docker login writes. */
function rank({ key, host }: Entry): number {
  if (key === host) return 0
  return key === HUB_KEY ? 1 : 2
}

/** In lower case, and `docker.io` for its other names. */
export function canonicalHost(host: string): string {
  const name = host.toLowerCase()
  return HUB_HOSTS.includes(name) ? HUB : name
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}
