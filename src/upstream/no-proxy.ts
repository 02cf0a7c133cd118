// The hosts that NO_PROXY names: `host`, `.domain`, `host:port`, `10.0.0.1`, `10.0.0.0/8`, `*`.

import { BlockList, isIP } from 'node:net'
import { reachOf } from './address.ts'
import { portOf } from './port.ts'

export type Exempt = (url: URL) => boolean

/** Loopback is always exempt, as with Go's clients: a proxy would reach itself there. */
export function parseNoProxy(list: string): Exempt {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '')
  const exempts = entries.map((entry) => parseEntry(entry.toLowerCase()))
  return (url) => reachOf(url) === 'loopback' || exempts.some((isExempt) => isExempt(url))
}

function parseEntry(entry: string): Exempt {
  if (entry === '*') return () => true
  const network = parseNetwork(entry)
  if (network) return network
  const [, host = '', port] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? []
  const isHost = parseNetwork(host.replace(/^\[|\]$/g, '')) ?? parseDomain(host)
  return (url) => (port === undefined || portOf(url) === Number(port)) && isHost(url)
}

/** Addresses as numbers: they can be written in many ways. */
function parseNetwork(entry: string): Exempt | undefined {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d+))?$/.exec(entry) ?? []
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  if (family === 0 || Number(prefix ?? bits) > bits) return undefined
  const network = new BlockList()
  network.addSubnet(address, Number(prefix ?? bits), family === 4 ? 'ipv4' : 'ipv6')
  return ({ hostname }) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    return isIP(host) > 0 && network.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
  }
}

/** `corp.lan` means what is below it too; `.corp.lan` and `*.corp.lan` mean only that. */
function parseDomain(entry: string): Exempt {
  const domain = entry.replace(/^\*(?=\.)/, '').replace(/\.$/, '')
  const below = domain.startsWith('.') ? domain : `.${domain}`
  return ({ hostname }) => {
    const host = hostname.replace(/\.$/, '')
    return host === domain || host.endsWith(below)
  }
}
