// Several listeners that serve the same application: one for everything, and one for each registry
// that has an address of its own. They start and end together.

import type { KeyPair } from '../lib/key-pair.ts'
import { listen } from './listener.ts'
import type { Listener, ListenOptions } from './listener.ts'

export interface Place {
  readonly host: string
  readonly port: number
  readonly registry: string | undefined
}

export interface Listeners extends Omit<Listener, 'address'> {
  /** In the order of their places. */
  readonly addresses: readonly Listener['address'][]
}

/** Whose address it was decides which option is to be changed. Bun's error does not name it. */
function throwFor(place: Place, error: Error & { address?: string; port?: number }): never {
  const { address = place.host, port = place.port } = error
  throw Object.assign(error, { address, port, registry: place.registry })
}

export async function listenAll(
  places: readonly Place[],
  options: Omit<ListenOptions, keyof Place>,
): Promise<Listeners> {
  const listeners: Listener[] = []
  const all = async (end: (listener: Listener) => Promise<void>): Promise<void> => {
    await Promise.all(listeners.map(end))
  }
  const stop = (): Promise<void> => all((listener) => listener.stop())
  try {
    for (const place of places) {
      const listening = listen({ ...place, ...options })
      listeners.push(await listening.catch((error: Error) => throwFor(place, error)))
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    addresses: listeners.map(({ address }) => address),
    get running() {
      return listeners.reduce((sum, { running }) => sum + running, 0)
    },
    drain: () => all((listener) => listener.drain()),
    stop,
    show: (pair: KeyPair) => listeners.forEach((listener) => listener.show(pair)),
  }
}
