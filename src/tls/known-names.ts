// What the name service calls this box, by its addresses.

import { lookupService } from 'node:dns/promises'
import { within } from '../lib/within.ts'

/** A name service that is slow must not hold up the start. */
const LOOKUP_MAX_MS = 1000
const ANY_PORT = 443

export async function knownNames(addresses: readonly string[]): Promise<string[]> {
  const names = await Promise.all(
    addresses.map(async (address) => {
      const found = lookupService(address, ANY_PORT).catch(() => undefined)
      const answer = await within(LOOKUP_MAX_MS, found)
      return answer === 'slow' || answer === undefined ? [] : [answer.hostname]
    }),
  )
  return names.flat()
}
