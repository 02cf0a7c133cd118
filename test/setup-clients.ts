// The registry and the container clients that the end-to-end tests run, from Debian's packages.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const commands = [
  'docker-registry',
  'skopeo',
  'podman',
  'containerd',
  'ctr',
  'runc',
  'dockerd',
  'busybox',
  'iptables',
  'htpasswd',
  'openssl',
]

const packages = [
  'docker-registry',
  'skopeo',
  'podman',
  'crun',
  'containerd',
  'runc',
  'docker.io',
  'iptables',
  'iproute2',
  'busybox-static',
  'apache2-utils',
  'openssl',
]

// Debian asks this file whether a package may start its service. 101 is no: tests start their own.
const servicePolicy = '/usr/sbin/policy-rc.d'

/** Installs what is missing where that is possible. Returns what is missing still, as a sentence. */
export function provideClients(say: (line: string) => void): string | undefined {
  const missing = missingCommands()
  if (missing.length === 0) return undefined
  const names = missing.join(', ')
  if (process.getuid?.() !== 0) return `${names} not installed, and only root could install them`
  if (!isCommand('apt-get')) return `${names} not installed, and there is no apt-get here`

  say(`${names} not installed: installing Debian packages`)
  installPackages(say)
  const still = missingCommands()
  return still.length === 0 ? undefined : `${still.join(', ')} could not be installed`
}

function installPackages(say: (line: string) => void): void {
  const hadPolicy = existsSync(servicePolicy)
  if (!hadPolicy) writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    aptGet(say, ['update'])
    aptGet(say, ['install', '--yes', '--no-install-recommends', ...packages])
  } finally {
    if (!hadPolicy) rmSync(servicePolicy, { force: true })
  }
}

function aptGet(say: (line: string) => void, words: string[]): void {
  say(`apt-get ${words.join(' ')}`)
  const { status, stdout, stderr } = spawnSync(
    'apt-get',
    ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...words],
    { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
  )
  if (status !== 0) say(`apt-get ${words[0] ?? ''} failed:\n${stdout}${stderr}`)
}

function missingCommands(): string[] {
  return commands.filter((command) => !isCommand(command))
}

function isCommand(command: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
