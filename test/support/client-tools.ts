// What all real clients share: whether they can run here, how they are kept apart from the machine
// (own mounts and processes, which end with them), and how they are pointed at a mirror.
import { accessSync, constants, writeFileSync } from 'node:fs'
import path from 'node:path'
import { CLOSED_ORIGIN } from './net-ports.ts'
import type { TempFolder } from './temp-folder.ts'

export interface MirrorTarget {
  readonly url: string // http://127.0.0.1:5000
  // The path under which the mirror keeps a registry; '' for one that mirrors only that one.
  readonly prefix?: (registry: string) => string
  readonly hosts?: readonly string[] // names that are 127.0.0.1 to the client, as `url` may need
  readonly ca?: string // file of an authority: TLS is insisted on then, and it is the one trusted
}

// A client of its own, with its own empty store, whose origins are all unreachable.
export interface ImageClient extends AsyncDisposable {
  // Gives the digest that the client says it got for the reference.
  pull(reference: string): Promise<string>
  close(): Promise<void>
}

export interface RunningClient extends ImageClient {
  run(reference: string): Promise<string> // what the image printed
}

// Why these programs cannot be used here; undefined when they can. In CI, missing ones are an
// error, so that a run that tested nothing cannot pass: skipping takes REGMIRROR_SKIP_CLIENTS=why.
export function unavailable(...commands: readonly string[]): string | undefined {
  const told = process.env['REGMIRROR_SKIP_CLIENTS']
  if (told !== undefined && told !== '') return told
  const missing = commands.filter((command) => !inPath(command))
  let reason: string | undefined
  if (missing.length > 0) reason = `not installed: ${missing.join(', ')}`
  else if (process.getuid?.() !== 0) reason = 'needs root for namespaces'
  if (reason !== undefined && process.env['CI'] === 'true') {
    throw new Error(`in CI every client must run, but: ${reason}`)
  }
  return reason
}

export function inPath(command: string): boolean {
  const folders = command.includes('/') ? [''] : (process.env['PATH'] ?? '').split(path.delimiter)
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

// Everything it mounts or starts is gone when it is: no clean-up can be forgotten. With a file in the
// place of /etc/hosts, it finds what that names.
export function isolated(
  command: string,
  args: readonly string[],
  hostsFile?: string,
): [string, string[]] {
  const flags = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  const named = hostsFile === undefined ? [] : ['sh', '-c', script, hostsFile]
  return ['unshare', [...flags, ...named, command, ...args]]
}

// For `isolated`, where the mirror is to be reached by a name.
export function hostsFileOf({ hosts }: MirrorTarget, folder: TempFolder): string | undefined {
  if (hosts === undefined) return undefined
  const file = folder.join('etc-hosts')
  writeFileSync(file, `127.0.0.1 localhost ${hosts.join(' ')}\n`)
  return file
}

export function mirrorLocation(mirror: MirrorTarget, registry: string): string {
  const prefix = mirror.prefix?.(registry) ?? registry
  return [new URL(mirror.url).host, ...(prefix === '' ? [] : [prefix])].join('/')
}

// registries.conf of containers/image (podman, buildah, skopeo): each registry's own location is a
// closed port, so that what is pulled came from the mirror.
export function registriesConf(mirror: MirrorTarget, registries: readonly string[]): string {
  return registries
    .map((registry) =>
      [
        '[[registry]]',
        `prefix = "${registry}"`,
        `location = "${CLOSED_ORIGIN}"`,
        'insecure = true',
        '[[registry.mirror]]',
        `location = "${mirrorLocation(mirror, registry)}"`,
        `insecure = ${mirror.ca === undefined}`,
        '',
      ].join('\n'),
    )
    .join('\n')
}
