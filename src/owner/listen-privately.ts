// A socket that nobody but its owner can open.

import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import type { SocketPlace } from './socket-path.ts'

const ONLY_OWNER_UMASK = 0o177
const SOCKET_MODE = 0o600
const PRIVATE_FOLDER_MODE = 0o700

/** Listens at the first place that takes it: some file systems have no sockets. Throws the last error. */
export async function listenPrivately(
  server: Server,
  places: readonly SocketPlace[],
): Promise<string> {
  let failure: unknown = new Error('no folder has a path short enough for a socket')
  for (const place of places) {
    try {
      if (place.privateFolder !== undefined) makePrivateFolder(place.privateFolder)
      await listenAt(server, place.path)
      return place.path
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

async function listenAt(server: Server, path: string): Promise<void> {
  const isPipe = process.platform === 'win32'
  if (!isPipe) removeDeadSocket(path)
  const listening = once(server, 'listening')
  listening.catch(() => undefined)
  // The socket is made within this call, and is never open to others.
  const umask = isPipe ? undefined : process.umask(ONLY_OWNER_UMASK)
  try {
    server.listen(path)
  } finally {
    if (umask !== undefined) process.umask(umask)
  }
  await listening
  // For a runtime that made it only after that.
  if (!isPipe) chmodSync(path, SOCKET_MODE)
}

/** Whoever holds the lock knows that the socket's maker is dead. */
function removeDeadSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found?.isSocket()) rmSync(path, { force: true })
}

/** In a folder that all may write to, somebody else could have made it. */
function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { mode: PRIVATE_FOLDER_MODE, recursive: true })
  const found = lstatSync(folder)
  const isOpenToOthers = (found.mode & 0o077) !== 0
  if (!found.isDirectory() || found.uid !== process.getuid?.() || isOpenToOthers) {
    throw new Error(`${folder} belongs to somebody else or is open to others: remove it`)
  }
}
