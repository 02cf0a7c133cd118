// The logins that `regmirror login` keeps in the data folder, in the form of a Docker config.json. Any
// process may change them: a running server sees it at its next request.

import type { BigIntStats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LoginError } from '../errors.ts'
import type { Credentials, Login } from '../upstream/login.ts'
import {
  encodeAuth,
  loginOfEntry,
  mayHaveLogin,
  parseDockerConfig,
  placesFor,
} from './docker-config.ts'
import type { DockerConfig } from './docker-config.ts'
import { changeFile } from './shared-file.ts'
import { WatchedFile } from './watched-file.ts'

const OTHERS = 0o077n

export function storedLoginsPath(dataFolder: string): string {
  return join(dataFolder, 'credentials.json')
}

export function storedLoginsFile(dataFolder: string): WatchedFile<DockerConfig> {
  const path = storedLoginsPath(dataFolder)
  return new WatchedFile(path, (text, stats) => {
    requireOwnerOnly(path, stats)
    return parseDockerConfig(text, path)
  })
}

export function storedLogins(file: WatchedFile<DockerConfig>, registry: string): Credentials {
  return {
    get mayExist() {
      try {
        const config = file.read()
        return config !== undefined && mayHaveLogin(config, registry)
      } catch {
        return true
      }
    },
    async login(_repository, refused) {
      if (refused) file.forget()
      const config = file.read()
      // Nobody writes helpers into it, and none is started for it.
      const [place] = config ? entriesFor(config, registry) : []
      const login = place && loginOfEntry(place.entry, file.path)
      return login && { login, origin: file.path }
    },
  }
}

/** Throws LoginError where the file cannot be read or written. */
export async function storeLogin(folder: string, registry: string, login: Login): Promise<void> {
  await changeEntries(folder, (entries) => ({ ...entries, [registry]: entryOf(login) }))
}

/** Whether there was one. */
export async function removeLogin(folder: string, registry: string): Promise<boolean> {
  let wasThere = false
  await changeEntries(folder, ({ [registry]: removed, ...others }) => {
    wasThere = removed !== undefined
    return wasThere ? others : undefined
  })
  return wasThere
}

type Entries = Readonly<Record<string, unknown>>
type Change = (entries: Entries) => Entries | undefined

function entriesFor(config: DockerConfig, registry: string) {
  return placesFor(config, registry, undefined).filter((place) => place.kind === 'entry')
}

function entryOf(login: Login): object {
  if (login.kind === 'password') {
    return { auth: encodeAuth(login.username, login.password.reveal()) }
  }
  const token = login.token.reveal()
  return login.kind === 'identity-token' ? { identitytoken: token } : { registrytoken: token }
}

/** `change` gives undefined for no change. Throws LoginError. */
async function changeEntries(folder: string, change: Change): Promise<void> {
  const path = storedLoginsPath(folder)
  const changed = async (): Promise<string | undefined> => {
    const entries = change(await readEntries(path))
    return entries && `${JSON.stringify({ auths: entries }, undefined, 2)}\n`
  }
  try {
    // Where there is nothing to forget there need not even be a folder.
    if ((await changed()) !== undefined) await changeFile(path, changed)
  } catch (error) {
    if (error instanceof LoginError) throw error
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new LoginError(`${path} cannot be written (${code})`)
  }
}

async function readEntries(path: string): Promise<Entries> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return {}
  requireOwnerOnly(path, await stat(path, { bigint: true }))
  const { entries } = parseDockerConfig(text, path)
  return Object.fromEntries(entries.map(({ key, fields }) => [key, fields]))
}

function requireOwnerOnly(path: string, { mode }: BigIntStats): void {
  // Windows has no such modes.
  if (process.platform === 'win32' || (mode & OTHERS) === 0n) return
  const shown = (mode & 0o777n).toString(8).padStart(3, '0')
  throw new LoginError(
    `${path} holds passwords and may be read by others (mode ${shown}): run "chmod 600 ${path}"`,
  )
}
