// What `serve` says when it is ready. Pure.

import { formatListenAddress } from '../config/listen-address.ts'
import { formatBytes } from '../lib/units.ts'

export interface Serving {
  readonly version: string
  readonly address: { readonly host: string; readonly port: number }
  readonly lanHosts: readonly string[]
  readonly dataFolder: string
  readonly freeBytes: number | undefined
  readonly offline: boolean
  readonly registries: readonly string[]
}

const EVERY_ADDRESS = ['0.0.0.0', '::']

export function banner(serving: Serving): string {
  const { version, dataFolder, freeBytes, registries } = serving
  const urls = urlsOf(serving)
  const free = freeBytes === undefined ? '' : ` (${formatBytes(freeBytes)} free)`
  const lines = [
    `regmirror ${version}`,
    `  listening on  ${urls.join('  ')}`,
    `  storing in    ${dataFolder}${free}`,
    '  size limit    NONE: nothing is ever removed, so the cache may fill the disk to the last byte',
    `  registries    ${registries.join(', ')}`,
    ...(serving.offline
      ? ['  offline       no registry is dialled; what is not cached is answered "not found"']
      : []),
    '  for Docker    put this line into /etc/docker/daemon.json, then restart docker:',
    `                "registry-mirrors": ["${urls[0]}"]`,
  ]
  return `${lines.join('\n')}\n`
}

/** At least one; the first is the one to give to others. */
function urlsOf({ address: { host, port }, lanHosts }: Serving): string[] {
  const hosts = EVERY_ADDRESS.includes(host) ? [...lanHosts, '127.0.0.1'] : [host]
  return hosts.map((name) => `http://${formatListenAddress({ host: name, port })}`)
}
