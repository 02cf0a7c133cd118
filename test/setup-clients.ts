// The registry and the container clients that the end-to-end tests run, from Debian's packages.
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { newerDocker, newerDockerFolder } from './support/newer-docker.ts'

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
  'strace',
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
  'strace',
]

// Newer than the oldest Debian that the tests run on. They need no newer libraries, so they are only
// unpacked; runc would, and the machine's own does.
const newerSuite = 'trixie'
const newerPackages = ['docker.io', 'docker-cli', 'containerd', 'docker-buildx']
const debianKeys = '/usr/share/keyrings/debian-archive-keyring.gpg'

// Debian asks this file whether a package may start its service. 101 is no: tests start their own.
const servicePolicy = '/usr/sbin/policy-rc.d'

/** Installs what is missing where that is possible. Returns what is missing still, as a sentence. */
export function provideClients(say: (line: string) => void): string | undefined {
  return provideInstalled(say) ?? provideNewerDocker(say)
}

function provideInstalled(say: (line: string) => void): string | undefined {
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

function provideNewerDocker(say: (line: string) => void): string | undefined {
  const isThere = (): boolean => newerDocker.programs.every((file) => existsSync(file))
  if (isThere()) return undefined
  say(`a Docker of Debian ${newerSuite} is not here: downloading it`)
  const cache = path.dirname(newerDockerFolder)
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(path.join(cache, 'apt-'))
  try {
    downloadNewer(say, folder)
    const unpacked = path.join(folder, 'unpacked')
    for (const file of globSync(path.join(folder, '*.deb'))) {
      spawnSync('dpkg', ['--extract', file, unpacked], { stdio: 'inherit' })
    }
    rmSync(newerDockerFolder, { recursive: true, force: true })
    if (existsSync(unpacked)) renameSync(unpacked, newerDockerFolder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return isThere() ? undefined : `Docker of Debian ${newerSuite} could not be downloaded`
}

/** From wherever this machine gets its Debian packages; its own lists and caches stay as they are. */
function downloadNewer(say: (line: string) => void, folder: string): void {
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(path.join(folder, name), { recursive: true })
  }
  const sources = path.join(folder, 'sources.list')
  writeFileSync(sources, `deb [signed-by=${debianKeys}] ${debianMirror()} ${newerSuite} main\n`)
  const options = Object.entries({
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::Cache': path.join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  aptGet(say, ['update'], { options })
  aptGet(say, ['download', ...newerPackages], { options, cwd: folder })
}

/** Empty where apt knows none; what is downloaded is then missing, and said to be. */
function debianMirror(): string {
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)'
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', format], {
    encoding: 'utf8',
  })
  return /^Debian Debian (\S+)$/m.exec(stdout)?.[1] ?? ''
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

function aptGet(
  say: (line: string) => void,
  words: string[],
  { options = [], cwd = '/' }: { options?: string[]; cwd?: string } = {},
): void {
  say(`apt-get ${words.join(' ')}`)
  const { status, stdout, stderr } = spawnSync(
    'apt-get',
    ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...options, ...words],
    { cwd, encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
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
