// Where the owner of a data folder can listen. Pure.

import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** What the kernel takes, without the zero at its end. */
const PATH_MAX_BYTES = { darwin: 103, others: 107 }
const HASH_LENGTH = 24

export interface SocketSurroundings {
  readonly platform: NodeJS.Platform
  /** The user's own, where there is one. */
  readonly runtimeFolder: string | undefined
  /** Undefined where the system has no such numbers. */
  readonly uid: number | undefined
  readonly tmpFolder: string
}

/** `privateFolder` has to be made, and to be only the owner's, before anything listens there. */
export interface SocketPlace {
  readonly path: string
  readonly privateFolder?: string
}

export function socketInside(folder: string): string {
  return join(folder, 'regmirror.sock')
}

/** Best first. The folder's own is left out where its path is too long for a socket. */
export function socketPlaces(
  folder: string,
  { platform, runtimeFolder, uid = 0, tmpFolder }: SocketSurroundings,
): readonly SocketPlace[] {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, HASH_LENGTH)
  if (platform === 'win32') return [{ path: `\\\\.\\pipe\\regmirror-${hash}` }]
  const runtimeFolders = [runtimeFolder, '/run', tmpFolder].filter((each) => each !== undefined)
  const elsewhere = runtimeFolders.map((each) => {
    const privateFolder = join(each, `regmirror-${uid}`)
    return { path: join(privateFolder, `${hash}.sock`), privateFolder }
  })
  const maxBytes = platform === 'darwin' ? PATH_MAX_BYTES.darwin : PATH_MAX_BYTES.others
  const places: readonly SocketPlace[] = [{ path: socketInside(folder) }, ...elsewhere]
  return places.filter(({ path }) => Buffer.byteLength(path) <= maxBytes)
}
