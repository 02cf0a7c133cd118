// What becomes of endpoints and logins, one function per event, for the log. Nothing is decided here.

import type { Logger } from '../lib/log.ts'
import type { Asked, Traffic } from './gate.ts'

export interface LeftAlone {
  readonly registry: string
  readonly endpoint: URL
  readonly what: Asked | 'all'
  readonly because: string
  readonly forMs: number
}

export interface UpstreamEvents {
  /** An endpoint is down, or asked for a pause. */
  leftAlone(left: LeftAlone): void
  /** An endpoint that was left alone answers again. */
  worksAgain(registry: string, endpoint: URL): void
  /** The configured login is of no use, in a sentence; told once for each. */
  loginTrouble(registry: string, trouble: string): void
}

const WORDS: Readonly<Record<Traffic, string>> = {
  lookups: 'is not asked about tags and lists',
  manifests: 'is not asked for manifests',
  blobs: 'is not asked for further blobs',
}

export function logUpstreamEvents(log: Logger): UpstreamEvents {
  return {
    leftAlone({ registry, endpoint, what, because, forMs }) {
      const { host } = endpoint
      const seconds = Math.ceil(forMs / 1000)
      // The reason begins with the registry's name.
      const message = `${because}; ${host} ${wordsFor(what)} for ${seconds} s`
      const leftAlone = what === 'all' ? what : what.traffic
      log.warn(message, { registry, endpoint: host, leftAlone, seconds })
    },
    worksAgain(registry, { host }) {
      log.info(`${registry}: ${host} works again`, { registry, endpoint: host })
    },
    loginTrouble(registry, trouble) {
      log.error(trouble, { registry })
    },
  }
}

function wordsFor(what: LeftAlone['what']): string {
  if (what === 'all') return 'is not asked'
  const { traffic, anonymously } = what
  return anonymously ? `${WORDS[traffic]} without the login` : WORDS[traffic]
}
