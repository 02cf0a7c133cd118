// The other runtimes that the same source runs on, from npm; and the program from source on each as
// one command, which takes the place of the packaged one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const RUNTIMES = ['bun', 'deno'] as const
export type Runtime = (typeof RUNTIMES)[number]

interface Release {
  readonly version: string
  readonly packages: Partial<Record<NodeJS.Architecture, string>> // of Linux with glibc
  readonly program: string // inside the package
  readonly words: readonly string[] // before the name of what it is to run
}

// About 100 MB each, and two seconds to install: too large for everyone who installs this project.
const RELEASES: Readonly<Record<Runtime, Release>> = {
  bun: {
    version: '1.4.5',
    packages: { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' },
    program: 'bin/bun',
    words: ['--no-install'],
  },
  deno: {
    version: '2.9.6',
    packages: { x64: '@deno/linux-x64-glibc', arm64: '@deno/linux-arm64-glibc' },
    program: 'deno',
    words: ['run', '--quiet', '--no-lock', '--cached-only', '--allow-all'],
  },
}

const root = path.join(import.meta.dirname, '../..')
const cache = path.join(root, 'node_modules/.cache/runtimes')
const LAUNCHER = 'regmirror'
const INSTALL_MAX_MS = 120_000

export function isRuntime(name: string | undefined): name is Runtime {
  return RUNTIMES.some((runtime) => runtime === name)
}

/** A command that is used as dist/regmirror is, and runs src/ as it is now. */
export function programOn(runtime: Runtime): string {
  return path.join(folderOf(runtime), LAUNCHER)
}

/** Installs it where it is missing. Returns what is missing still, as a sentence. */
export function provideRuntime(runtime: Runtime, say: (line: string) => void): string | undefined {
  const program = programOn(runtime)
  if (existsSync(program)) return undefined
  const { packages, version } = RELEASES[runtime]
  const name = process.platform === 'linux' ? packages[process.arch] : undefined
  if (name === undefined) {
    return `no ${runtime} for ${process.platform}-${process.arch} is known to these tests`
  }
  say(`${runtime} ${version} is not here: installing ${name}`)
  mkdirSync(cache, { recursive: true })
  const staged = mkdtempSync(path.join(cache, 'npm-'))
  try {
    writeFileSync(path.join(staged, 'package.json'), '{ "private": true }\n')
    const options = ['--no-save', '--ignore-scripts', '--loglevel=error', '--fetch-retries=0']
    const words = ['install', ...options, '--prefix', staged, `${name}@${version}`]
    const { error, stderr } = spawnSync('npm', words, { encoding: 'utf8', timeout: INSTALL_MAX_MS })
    if (!existsSync(fileOf(staged, runtime, name))) {
      const why = error?.message ?? stderr.split('\n', 1).join('')
      return `${name}@${version} could not be installed by npm (${why})`
    }
    writeLauncher(path.join(staged, LAUNCHER), runtime, name)
    rmSync(folderOf(runtime), { recursive: true, force: true })
    renameSync(staged, folderOf(runtime))
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
  return undefined
}

// Told by its own place, so that a copy of the project runs the copy's source.
function writeLauncher(file: string, runtime: Runtime, packageName: string): void {
  const folder = folderOf(runtime)
  const place = (of: string) => `"$here/${path.relative(folder, of)}"`
  const program = place(fileOf(folder, runtime, packageName))
  const source = place(path.join(root, 'src/bin/node.ts'))
  const lines = [
    '#!/bin/sh',
    'here=$(dirname "$0")',
    // What Deno has made of the source; it would be in the home folder.
    `export DENO_DIR=${place(path.join(folder, 'cache'))}`,
    `exec ${[program, ...RELEASES[runtime].words, source].join(' ')} "$@"`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o755 })
}

// By version, so that another one is installed beside it.
function folderOf(runtime: Runtime): string {
  return path.join(cache, `${runtime}-${RELEASES[runtime].version}`)
}

function fileOf(folder: string, runtime: Runtime, packageName: string): string {
  return path.join(folder, 'node_modules', packageName, RELEASES[runtime].program)
}
