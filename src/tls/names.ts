// The names by which clients may reach this box, for its certificate. Pure.

import { isIP } from 'node:net'

export interface BoxNames {
  readonly hostName: string
  /** What the name service calls the box's own addresses. */
  readonly knownAs: readonly string[]
  readonly addresses: readonly string[]
  /** From the configuration, perhaps with a port. */
  readonly hosts: readonly string[]
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1']
const EVERY_ADDRESS = ['0.0.0.0', '::']
const HOST_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/
const PART_OF_ADDRESS = /^[0-9a-f.:]+$/

export function certificateNames({ hostName, knownAs, addresses, hosts }: BoxNames): string[] {
  const bareHosts = hosts.map(withoutPort)
  const given = [...ownNames(hostName, knownAs), ...addresses, ...bareHosts, ...basesOf(bareHosts)]
  const names = [...LOOPBACK, ...given].map((name) => canonicalName(name.toLowerCase()))
  return [...new Set(names)].filter(
    (name) => !EVERY_ADDRESS.includes(name) && (HOST_NAME.test(name) || isAddress(name)),
  )
}

/** An IPv6 address in the one form that a URL has; OpenSSL and people have others. */
export function canonicalName(name: string): string {
  const isLong = name.includes(':') && isAddress(name)
  return isLong ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name
}

/** No certificate holds the zone of `fe80::1%eth0`: it means something to one machine only. */
function isAddress(name: string): boolean {
  return isIP(name) !== 0 && !name.includes('%')
}

/** `.local` is how mDNS tells a bare name to its neighbours. */
function ownNames(hostName: string, knownAs: readonly string[]): string[] {
  const [short = ''] = hostName.split('.')
  // Another name that an address has may be a provider's, and no one's to vouch for here.
  const full = knownAs.filter((name) => name.toLowerCase().startsWith(`${short.toLowerCase()}.`))
  return [hostName, short, `${short}.local`, ...full]
}

/** `docker.box.lan` and `ghcr.box.lan` → `box.lan` and all below it, so that one more host needs no new certificate. */
function basesOf(hosts: readonly string[]): string[] {
  const bases = hosts.map((host) => host.slice(host.indexOf('.') + 1))
  const shared = bases.filter(
    (base, n) => bases.indexOf(base) !== n && base.includes('.') && !PART_OF_ADDRESS.test(base),
  )
  return shared.flatMap((base) => [base, `*.${base}`])
}

function withoutPort(host: string): string {
  if (isIP(host) !== 0) return host
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}

/** Whether `held`, the names of a certificate, are enough for `wanted`. */
export function missingNames(held: readonly string[], wanted: readonly string[]): string[] {
  return wanted.filter((name) => !held.includes(name))
}
