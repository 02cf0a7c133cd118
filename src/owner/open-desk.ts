// The socket of a data folder, from the moment its lock is held until it is given up.

import { realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Jobs } from '../care/jobs.ts'
import { version } from '../version.ts'
import { removeNote, writeNote } from './owner-note.ts'
import { serveJobs } from './server.ts'
import { socketPlaces } from './socket-path.ts'
import { WIRE_VERSION } from './wire.ts'

export interface Desk {
  /** Takes no more jobs; resolves when the last one has ended. */
  drain(): Promise<void>
  /** The same, stopping what runs. */
  stop(): Promise<void>
}

/**
 * Throws where nothing can listen; who owns the folder is noted all the same.
 * `leave`: what is done when a server waits for the store; undefined: nobody makes way.
 */
export async function openDesk(
  folder: string,
  runtimeFolder: string | undefined,
  command: string,
  jobs: Partial<Jobs>,
  leave?: () => void,
): Promise<Desk> {
  const { pid, platform } = process
  const facts = { pid, command, version, wire: WIRE_VERSION, startedAt: Date.now() }
  const surroundings = { platform, runtimeFolder, uid: process.getuid?.(), tmpFolder: tmpdir() }
  const places = socketPlaces(realpathSync(folder), surroundings)
  writeNote(folder, { ...facts, socket: undefined })
  const server = await serveJobs(jobs, facts, places, leave)
  writeNote(folder, { ...facts, socket: server.path })
  return {
    drain: server.drain,
    stop: async () => {
      await server.stop()
      removeNote(folder)
    },
  }
}
