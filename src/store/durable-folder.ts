// Folders that survive a power loss: a file can be synced and still be lost with its name.

import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the folder and what is missing above it, each synced into the one that holds it. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first || made === dirname(made)) return
  }
}

/** The names in it survive a power loss once this resolves. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
