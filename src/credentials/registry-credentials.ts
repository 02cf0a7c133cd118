// Where the login of each registry comes from: what the operator says of that registry, then what
// `regmirror login` stored, then the config.json for all. The first that has one decides.

import type { Config } from '../config/config.ts'
import { LoginError } from '../errors.ts'
import type { Credentials, FoundLogin } from '../upstream/login.ts'
import { CredentialHelpers } from './credential-helper.ts'
import { dockerConfigLogins } from './docker-config-logins.ts'
import { canonicalHost, parseDockerConfig } from './docker-config.ts'
import type { DockerConfig } from './docker-config.ts'
import { loginFile } from './login-file.ts'
import { storedLogins, storedLoginsFile } from './stored-logins.ts'
import { WatchedFile } from './watched-file.ts'

/** Asked for every lookup, and a file cannot be looked at that often. */
const MAY_EXIST_KEPT_MS = 1_000
/** A stored login would not be looked at: what is named for the registry itself comes before it. */
const PUT_THERE = 'put a working one there'

export type CredentialSettings = Pick<Config, 'data' | 'dockerConfig' | 'registries'>

/** By the registry's name; undefined for one that is always anonymous. */
export function createCredentials(
  { data, dockerConfig, registries }: CredentialSettings,
  now: () => number,
): ReadonlyMap<string, Credentials> {
  const helpers = new CredentialHelpers(now)
  const stored = storedLoginsFile(data)
  const configs = new Map<string, WatchedFile<DockerConfig>>()

  function dockerConfigOf(path: string, hosts: readonly string[]): Credentials {
    const file = configs.get(path) ?? new WatchedFile(path, (text) => parseDockerConfig(text, path))
    configs.set(path, file)
    return dockerConfigLogins(file, hosts, helpers)
  }

  const all = new Map<string, Credentials>()
  for (const [registry, { credentials: own, endpoints }] of registries) {
    if (own?.kind === 'none') continue
    const origin = endpoints.at(-1)
    const names = [...(origin ? [origin.host] : []), registry]
    const hosts = [...new Set(names.map(canonicalHost))]
    if (own?.kind === 'login') {
      const { username, password } = own
      const login = { kind: 'password', username, password } as const
      const origin = `the settings of ${registry}`
      const remedy = 'put a working one there and start the mirror anew'
      all.set(registry, fixedLogin({ login, origin, remedy }))
    } else if (own?.kind === 'file') {
      all.set(registry, withRemedy(loginFile(own.path), PUT_THERE))
    } else {
      const store = `store one with "regmirror login ${registry}"`
      const sources = [
        ...(own ? [withRemedy(dockerConfigOf(own.path, hosts), PUT_THERE)] : []),
        withRemedy(storedLogins(stored, registry), store),
        ...(dockerConfig === undefined
          ? []
          : [withRemedy(dockerConfigOf(dockerConfig, hosts), `${PUT_THERE}, or ${store}`)]),
      ]
      all.set(registry, firstOf(sources, now))
    }
  }
  return all
}

/** One that is what it is. */
export function fixedLogin(found: FoundLogin): Credentials {
  return { mayExist: true, login: () => Promise.resolve(found) }
}

/** What people are to do depends on whether a login they store is looked at before this source. */
function withRemedy(source: Credentials, remedy: string): Credentials {
  return {
    get mayExist() {
      return source.mayExist
    },
    get namespaces() {
      return source.namespaces ?? []
    },
    async login(repository, refused) {
      try {
        const found = await source.login(repository, refused)
        return found && { ...found, remedy }
      } catch (error) {
        if (!(error instanceof LoginError)) throw error
        throw new LoginError(error.message, { cause: error, remedy })
      }
    },
  }
}

function firstOf(sources: readonly Credentials[], now: () => number): Credentials {
  let known = { mayExist: false, atMs: -Infinity }
  return {
    get mayExist() {
      if (now() - known.atMs >= MAY_EXIST_KEPT_MS) {
        known = { mayExist: sources.some(({ mayExist }) => mayExist), atMs: now() }
      }
      return known.mayExist
    },
    get namespaces() {
      return sources.flatMap(({ namespaces = [] }) => namespaces)
    },
    async login(repository, refused) {
      for (const source of sources) {
        const found = await source.login(repository, refused)
        if (found) return found
      }
      return undefined
    },
  }
}
