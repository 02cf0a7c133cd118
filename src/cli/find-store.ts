// Which data folder a command is about, and who owns it.

import { readdirSync } from 'node:fs'
import { ConfigError } from '../errors.ts'
import { findOwner } from '../owner/client.ts'
import type { LivingOwner } from '../owner/client.ts'

export interface FoundStore {
  readonly folder: string
  /** Undefined: nobody, so that the command may. */
  readonly owner: LivingOwner | undefined
}

/** What a store never lacks for long; the lock alone is left by a start that failed. */
const SIGNS = ['index.db', 'blobs']

/**
 * The first folder with a living owner, else the first that holds a store, else where one is to be begun.
 * Throws ConfigError where there is none at all.
 */
export async function findStore(
  folders: readonly string[],
  newFolder: string | undefined,
): Promise<FoundStore> {
  const stores = folders.filter(holdsStore)
  for (const folder of stores) {
    const owner = await findOwner(folder)
    if (owner !== undefined) return { folder, owner }
  }
  const [folder] = stores
  if (folder !== undefined) return { folder, owner: undefined }
  if (newFolder !== undefined) return { folder: newFolder, owner: undefined }
  throw new ConfigError([
    `there is no store in ${folders.join(' or ')}: name its folder with --data DIR, or fill one ` +
      `with regmirror serve`,
  ])
}

/** Throws ConfigError where that cannot be told: another folder is never taken in its place. */
export function holdsStore(folder: string): boolean {
  try {
    const names = readdirSync(folder)
    return SIGNS.some((sign) => names.includes(sign))
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    const user = process.getuid?.() ?? ''
    throw new ConfigError([
      `the folder ${folder} may hold a store, but user ${user} cannot read it (${code}): run this ` +
        `as the user that owns it, or name another folder with --data DIR`,
    ])
  }
}
