// The hosts beside its endpoints that an operator trusts for a registry.

import { portOf } from './port.ts'

/** Hosts are `auth.corp`, on any port; `10.0.0.7:8443`, on that one; `*.cdn.corp`, any below it. */
export function isTrusted(url: URL, hosts: readonly string[]): boolean {
  const name = url.hostname.replace(/\.$/, '')
  const names = [name, `${name}:${portOf(url)}`]
  return hosts.some((host) =>
    host.startsWith('*.')
      ? names.some((each) => each.endsWith(host.slice(1)))
      : names.includes(host),
  )
}
