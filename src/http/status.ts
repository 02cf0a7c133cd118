// What `/status` tells of each registry that was used or has a login; nothing in it is secret,
// and no sentence is repeated: those name private repositories and where logins are kept.

import type { Mirror } from '../mirror/mirror.ts'

type RegistryStatus = ReturnType<Mirror['status']>[number]
type EndpointStatus = RegistryStatus['endpoints'][number]

export interface StatusReport {
  readonly version: string
  readonly uptimeSeconds: number
  readonly registries: readonly object[]
}

export function statusReport(
  version: string,
  uptimeMs: number,
  registries: readonly RegistryStatus[],
): StatusReport {
  return {
    version,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    registries: registries.filter(isInUse).map(ofRegistry),
  }
}

function isInUse({ endpoints, login }: RegistryStatus): boolean {
  return login !== 'none' || endpoints.some(({ state }) => state !== 'unused')
}

/** Not the quota's source: it names the account that is counted. */
function ofRegistry({ registry, login, loginTriedAtMs, quota, endpoints }: RegistryStatus): object {
  return {
    registry,
    login,
    loginTriedAt: loginTriedAtMs === undefined ? undefined : iso(loginTriedAtMs),
    quota: quota && {
      limit: quota.limit,
      remaining: quota.remaining,
      windowSeconds: quota.windowSeconds,
      toldAt: iso(quota.toldAtMs),
    },
    endpoints: endpoints.map(ofEndpoint),
  }
}

function ofEndpoint({ url, state, untilMs, lastFailure }: EndpointStatus): object {
  return {
    url: url.origin + url.pathname.replace(/\/$/, ''),
    state,
    until: untilMs === undefined ? undefined : iso(untilMs),
    lastFailure: lastFailure && {
      kind: lastFailure.kind,
      status: lastFailure.status,
      host: lastFailure.host ?? url.host,
      at: iso(lastFailure.atMs),
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
