// A configuration becomes the registries it names, and a mirror of them. Nothing is decided here.

import type { Config } from './config/config.ts'
import { createCredentials } from './credentials/registry-credentials.ts'
import type { Logger } from './lib/log.ts'
import type { AccessFiles } from './list-files/access-files.ts'
import { logMirrorEvents } from './mirror/events.ts'
import { Mirror } from './mirror/mirror.ts'
import type { MirrorOptions } from './mirror/mirror.ts'
import { logUpstreamEvents } from './upstream/events.ts'
import type { Credentials } from './upstream/login.ts'
import type { Upstreams } from './upstream/upstream.ts'
import { createUpstreams } from './upstream/upstreams.ts'
import { version } from './version.ts'

/** The registries, for whoever asks them without a store too. */
export function openUpstreams(
  config: Config,
  credentials: ReadonlyMap<string, Credentials>,
  log: Logger,
): Upstreams {
  return createUpstreams({
    registries: new Map(
      Array.from(config.registries, ([name, registry]) => [
        name,
        { ...registry, credentials: credentials.get(name) },
      ]),
    ),
    environmentProxy: config.environmentProxy,
    offline: config.offline,
    userAgent: `regmirror/${version}`,
    events: logUpstreamEvents(log),
    limits: {
      connectTimeoutMs: config.upstream.connectTimeoutMs,
      manifestHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      blobHeadersTimeoutMs: config.upstream.headerTimeoutMs,
      bodyIdleTimeoutMs: config.upstream.idleTimeoutMs,
    },
  })
}

export interface OpenMirror {
  readonly mirror: Mirror
  close(): Promise<void>
}

/** What it is given of an open store. */
type MirrorParts = Pick<MirrorOptions, 'index' | 'integrity' | 'room' | 'store' | 'hasher'> & {
  readonly access: AccessFiles | undefined
}

/** For who serves from a store, and for who fills it. */
export function openMirror(config: Config, log: Logger, parts: MirrorParts): OpenMirror {
  parts.access?.watch()
  const upstreams = openUpstreams(config, createCredentials(config, Date.now), log)
  const mirror = new Mirror({
    ...parts,
    upstreams,
    events: logMirrorEvents(log),
    addressing: config,
    registries: config.registries,
    tagTtl: config.tagTtl,
    staleAfterMs: config.staleAfterMs,
    catalog: config.catalog,
    offline: config.offline,
    abandoned: config.abandoned,
    now: Date.now,
  })
  return {
    mirror,
    close: async () => {
      parts.access?.close()
      await Promise.all([mirror.close(), upstreams.close()])
    },
  }
}
