// The logins of a Docker config.json for one registry, its helpers included.

import { LoginError } from '../errors.ts'
import type { Credentials, FoundLogin, Login } from '../upstream/login.ts'
import { helperProgram } from './credential-helper.ts'
import type { CredentialHelpers } from './credential-helper.ts'
import { loginOfEntry, mayHaveLogin, namespacesOf, placesFor } from './docker-config.ts'
import type { DockerConfig, Place } from './docker-config.ts'
import type { WatchedFile } from './watched-file.ts'

/** `hosts`: what the registry may be called there, the likeliest first. */
export function dockerConfigLogins(
  file: WatchedFile<DockerConfig>,
  hosts: readonly string[],
  helpers: CredentialHelpers,
): Credentials {
  const { path } = file

  function places(repository: string | undefined): Place[] {
    const config = file.read()
    if (!config) throw new LoginError(`${path} is not there`)
    return hosts.flatMap((host) => placesFor(config, host, repository))
  }

  async function loginAt(
    place: Place,
    refused: Login | undefined,
  ): Promise<FoundLogin | undefined> {
    if (place.kind === 'entry') {
      const login = loginOfEntry(place.entry, path)
      return login && { login, origin: path }
    }
    const login = await helpers.login(place.helper, path, refused)
    return login && { login, origin: `${helperProgram(place.helper)} (named by ${path})` }
  }

  return {
    get mayExist() {
      try {
        const config = file.read()
        return !config || hosts.some((host) => mayHaveLogin(config, host))
      } catch {
        return true
      }
    },
    get namespaces() {
      const config = file.read()
      return config ? hosts.flatMap((host) => namespacesOf(config, host)) : []
    },
    async login(repository, refused) {
      if (refused) file.forget()
      for (const place of places(repository)) {
        const found = await loginAt(place, refused)
        if (found) return found
      }
      return undefined
    },
  }
}
