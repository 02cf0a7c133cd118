// What `serve` says when it is ready. Pure.

import { formatListenAddress } from '../config/listen-address.ts'
import type { RoomReport } from '../care/room.ts'
import type { ScheduledWarming } from '../compose.ts'
import type { ListenAddress } from '../config/config.ts'
import { formatLocalTime } from '../lib/time-of-day.ts'
import { formatBytes } from '../lib/units.ts'
import { sizeLimit } from './size-limit.ts'

export interface Serving {
  readonly version: string
  readonly address: ListenAddress
  readonly registryAddresses: ReadonlyMap<string, ListenAddress>
  readonly tls: ServingTls | undefined
  readonly lanHosts: readonly string[]
  readonly dataFolder: string
  readonly room: RoomReport | undefined
  readonly warming: ScheduledWarming | undefined
  readonly offline: boolean
  readonly registries: readonly string[]
}

export interface ServingTls {
  /** Of the certificate. */
  readonly names: readonly string[]
  /** SHA-256 of the certificate of regmirror's own authority; undefined where another made it. */
  readonly authorityFingerprint: string | undefined
}

const EVERY_ADDRESS = ['0.0.0.0', '::']
const TRUST_FILE = '/usr/local/share/ca-certificates/regmirror.crt'

export function banner(serving: Serving): string {
  const { version, dataFolder, room, registries, registryAddresses } = serving
  const freeBytes = room?.taken.freeBytes
  const hosts = hostsOf(serving.address.host, serving.lanHosts)
  const urls = hosts.map((host) => url('http', host, serving.address.port))
  const free = freeBytes === undefined ? '' : ` (${formatBytes(freeBytes)} free)`
  const own = Array.from(registryAddresses, ([registry, { host, port }]) => {
    const [first = host] = hostsOf(host, serving.lanHosts)
    return line(registry, url('http', first, port))
  })
  const lines = [
    `regmirror ${version}`,
    line('listening on', urls.join('  ')),
    ...tlsLines(serving, hosts),
    ...own,
    line('storing in', `${dataFolder}${free}`),
    line('size limit', sizeLimit(room)),
    line('registries', registries.join(', ')),
    ...warmingLines(serving),
    ...(serving.offline
      ? [line('offline', 'no registry is dialled; what is not cached is answered "not found"')]
      : []),
    line('for Docker', 'put this line into /etc/docker/daemon.json, then restart docker:'),
    line('', `"registry-mirrors": ["${urls[0]}"]`),
  ]
  return `${lines.join('\n')}\n`
}

function warmingLines({ warming }: Serving): string[] {
  if (warming === undefined) return []
  const { file, lines, next, problems } = warming
  if (problems.length > 0) {
    const why = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    return [line('warming', `NOTHING: ${file} cannot be used (${why}, see the log)`)]
  }
  const when = next === undefined ? 'never again' : `next at ${formatLocalTime(next)}`
  return [line('warming', `${file} (${lines === 1 ? '1 line' : `${lines} lines`}), ${when}`)]
}

/** HTTP and HTTPS share the ports. */
function tlsLines({ address: { port }, tls }: Serving, hosts: readonly string[]): string[] {
  if (tls === undefined) return []
  const named = hosts.filter((host) => tls.names.includes(host))
  const shown = named.length > 0 ? named : tls.names.filter((name) => !name.includes('*'))
  const https = line('and on', shown.map((host) => url('https', host, port)).join('  '))
  if (tls.authorityFingerprint === undefined) return [https]
  const [first = 'localhost'] = hosts
  const place = formatListenAddress({ host: first, port })
  return [
    https,
    line(
      'to trust it',
      `curl -fsSo ${TRUST_FILE} http://${place}/ca.crt && update-ca-certificates`,
    ),
    line('', `(or only for Docker: save it as /etc/docker/certs.d/${place}/ca.crt)`),
    line('', `SHA-256 ${tls.authorityFingerprint}`),
  ]
}

/** At least one; the first is the one to give to others. */
function hostsOf(host: string, lanHosts: readonly string[]): readonly string[] {
  return EVERY_ADDRESS.includes(host) ? [...lanHosts, '127.0.0.1'] : [host]
}

function url(scheme: 'http' | 'https', host: string, port: number): string {
  return `${scheme}://${formatListenAddress({ host, port })}`
}

function line(what: string, text: string): string {
  return `  ${what.padEnd(12)}  ${text}`
}
