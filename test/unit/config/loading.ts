// Loads a configuration from nothing but what a test gives.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Flags, type LoadedConfig, loadConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'

export interface Sources {
  readonly flags?: Flags
  readonly flagProblems?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly yaml?: string
  /** Undefined where the user has none. */
  readonly home?: string | undefined
}

export function load(sources: Sources): LoadedConfig {
  const { flags = {}, flagProblems = [], yaml = '' } = sources
  const home = 'home' in sources ? sources.home : '/home/tester'
  return inFolder((folder) => {
    const file = join(folder, 'regmirror.yaml')
    writeFileSync(file, yaml)
    const env = { HOME: home, REGMIRROR_CONFIG: file, ...sources.env }
    return loadConfig(flags, flagProblems, env, false)
  })
}

export function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'rm-config-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export function problemsOf(sources: Sources): readonly string[] {
  try {
    load(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
