// Which hosts a registry may send us to: not to those that only mean something from where we stand.

import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isTrusted } from './trusted-hosts.ts'

/**
 * - `loopback`: this machine
 * - `private`: a network that others have too, under the same addresses
 * - `nowhere`: link-local (clouds keep a machine's secrets at 169.254.169.254), multicast, unspecified
 */
export type Reach = 'public' | 'private' | 'loopback' | 'nowhere'

const NETWORKS_IPV4: readonly (readonly [Exclude<Reach, 'public'>, string, number])[] = [
  ['loopback', '127.0.0.0', 8],
  ['private', '10.0.0.0', 8],
  ['private', '100.64.0.0', 10],
  ['private', '172.16.0.0', 12],
  ['private', '192.168.0.0', 16],
  ['private', '198.18.0.0', 15],
  ['nowhere', '0.0.0.0', 8],
  ['nowhere', '169.254.0.0', 16],
  ['nowhere', '224.0.0.0', 3],
]

const NETWORKS_IPV6: typeof NETWORKS_IPV4 = [
  ['loopback', '::1', 128],
  ['private', 'fc00::', 7],
  ['private', 'fec0::', 10],
  // NAT64 of the network's own, which can hide any IPv4 address.
  ['private', '64:ff9b:1::', 48],
  // Teredo hides one too.
  ['nowhere', '2001::', 32],
  ['nowhere', 'fe80::', 10],
  ['nowhere', 'ff00::', 8],
]

const LISTS = {
  loopback: new BlockList(),
  private: new BlockList(),
  nowhere: new BlockList(),
}
for (const [reach, network, prefix] of NETWORKS_IPV4) {
  LISTS[reach].addSubnet(network, prefix, 'ipv4')
  for (const [wrapped, bits] of wrappings(network)) {
    LISTS[reach].addSubnet(wrapped, bits + prefix, 'ipv6')
  }
}
for (const [reach, network, prefix] of NETWORKS_IPV6) {
  LISTS[reach].addSubnet(network, prefix, 'ipv6')
}

/** The IPv6 forms that reach an IPv4 host: mapped, compatible, NAT64, 6to4; with the bits before it. */
function wrappings(network: string): [string, number][] {
  const hex = network.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  return [
    [`::ffff:${network}`, 96],
    [`::${network}`, 96],
    [`64:ff9b::${network}`, 96],
    [`2002:${hex.slice(0, 2).join('')}:${hex.slice(2).join('')}::`, 16],
  ]
}

const LOOPBACK_NAME = /(^|\.)localhost$|^localhost\.localdomain$|^ip6-(localhost|loopback)$/

/**
 * By the literal address in a URL. Names are not resolved: behind a proxy they need not resolve
 * here, and local proxies map public names to private addresses.
 */
export function reachOf(url: URL): Reach {
  // The URL parser has already turned 0x7f.1, 017700000001 and 2130706433 into 127.0.0.1.
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
  const family = isIPv4(host) ? 'ipv4' : isIPv6(host) ? 'ipv6' : undefined
  if (!family) return LOOPBACK_NAME.test(host) ? 'loopback' : 'public'
  // Loopback first: ::1 lies in ::0.0.0.0/104 too.
  for (const reach of ['loopback', 'private', 'nowhere'] as const) {
    if (LISTS[reach].check(host, family)) return reach
  }
  return 'public'
}

/**
 * What a registry may send us to: redirects, token realms, further pages. From a public registry no
 * private literal is believed; one on a LAN may name its neighbours, one on this machine both. The
 * rest has to be the endpoint's own host, or trusted by the operator.
 */
export function mayReach(
  target: URL,
  endpoint: URL,
  trustedHosts: readonly string[] = [],
): boolean {
  if (target.hostname === endpoint.hostname || isTrusted(target, trustedHosts)) return true
  const from = reachOf(endpoint)
  switch (reachOf(target)) {
    case 'public':
      return true
    case 'private':
      return from !== 'public'
    case 'loopback':
      return from === 'loopback'
    case 'nowhere':
      return false
  }
}
