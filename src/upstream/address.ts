// Hosts that only mean something from where we stand: loopback, link-local and private literals.

import { BlockList, isIPv4, isIPv6 } from 'node:net'

const LOCAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  LOCAL.addSubnet(network, prefix, 'ipv4')
  // ::ffff:a.b.c.d and the NAT64 form reach the same hosts.
  LOCAL.addSubnet(`::ffff:${network}`, 96 + prefix, 'ipv6')
  LOCAL.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
LOCAL.addSubnet('::', 127, 'ipv6')
LOCAL.addSubnet('fc00::', 7, 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')

/**
 * Whether the host of a URL is a literal address of this machine or of a private network. Names are
 * not resolved: behind a proxy they need not resolve here, and local proxies map public names.
 */
export function isLocalHost(url: URL): boolean {
  // The URL parser has already turned 0x7f.1 and 2130706433 into 127.0.0.1.
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (isIPv4(host)) return LOCAL.check(host, 'ipv4')
  if (isIPv6(host)) return LOCAL.check(host, 'ipv6')
  return host === 'localhost' || host.endsWith('.localhost')
}

/** What a registry sends us to: local hosts only where the registry itself is one. */
export function mayReach(target: URL, endpoint: URL): boolean {
  return !isLocalHost(target) || isLocalHost(endpoint) || target.hostname === endpoint.hostname
}
