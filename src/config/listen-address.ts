import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { ListenAddress } from './config.ts'
import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

const EVERY_ADDRESS = '0.0.0.0'
const PORT_MAX = 65_535
const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i
const FORMS = 'write PORT, HOST:PORT or [IPV6]:PORT, such as 0.0.0.0:5000'

export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const { host = '', port = '' } =
    /^(?:(?<host>\[[^\]]*\]|[^:]*):)?(?<port>\d+)$/.exec(text)?.groups ?? {}
  if (port === '') return { problem: `${quote(text)} is not an address to listen on: ${FORMS}` }
  if (Number(port) > PORT_MAX) {
    return { problem: `${port} is not a port, which ends at ${PORT_MAX}: ${FORMS}` }
  }
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  if (host !== '' && !isHost(host, bare)) {
    return { problem: `${quote(host)} is neither an IP address nor a host name: ${FORMS}` }
  }
  return { value: { host: host === '' ? EVERY_ADDRESS : bare, port: Number(port) } }
}

function isHost(written: string, bare: string): boolean {
  if (written.startsWith('[')) return isIPv6(bare)
  return isIPv4(bare) || (HOST_NAME.test(bare) && !/^[\d.]+$/.test(bare))
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}
