// The other programs that a run needs, from Debian's packages: the peers, the limit, the clients.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { inPath } from '../support/client-tools.ts'

export interface Programs {
  readonly nginx: boolean
  readonly wrk: boolean
  readonly openssl: boolean
}

const packageOf = {
  'docker-registry': 'docker-registry',
  curl: 'curl',
  nginx: 'nginx-light',
  openssl: 'openssl',
  skopeo: 'skopeo',
  wrk: 'wrk',
} as const

type Command = keyof typeof packageOf

// Debian asks this file whether a package may start its service. 101 is no: the run starts its own.
const servicePolicy = '/usr/sbin/policy-rc.d'

export function providePrograms(say: (line: string) => void): Programs {
  // Debian keeps some of them where only root's PATH looks.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  const wanted = missing()
  if (wanted.length > 0 && process.getuid?.() === 0 && inPath('apt-get')) {
    const packages = wanted.map((command) => packageOf[command])
    say(`installing Debian packages: ${packages.join(', ')}`)
    install(packages, say)
  }
  const still = missing()
  for (const needed of ['docker-registry', 'curl'] as const) {
    if (still.includes(needed)) {
      throw new Error(`${needed} is needed: apt-get install ${packageOf[needed]}`)
    }
  }
  if (still.includes('nginx')) say('nginx is left out: it is not installed')
  if (still.includes('wrk')) say('wrk is not installed: a slower load generator takes its place')
  const has = (command: Command) => !still.includes(command)
  return { nginx: has('nginx'), wrk: has('wrk'), openssl: has('openssl') }
}

function missing(): Command[] {
  return (Object.keys(packageOf) as Command[]).filter((command) => !inPath(command))
}

function install(packages: readonly string[], say: (line: string) => void): void {
  const hadPolicy = existsSync(servicePolicy)
  if (!hadPolicy) writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    for (const words of [
      ['update'],
      ['install', '--yes', '--no-install-recommends', ...packages],
    ]) {
      const { status, stdout, stderr } = spawnSync(
        'apt-get',
        ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...words],
        { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
      )
      if (status !== 0) say(`apt-get ${words[0] ?? ''} failed:\n${stdout}${stderr}`)
    }
  } finally {
    if (!hadPolicy) rmSync(servicePolicy, { force: true })
  }
}
