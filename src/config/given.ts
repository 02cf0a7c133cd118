// What one source (flags, environment, file) says, before anything is understood.

import { settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'

export type Source = 'flag' | 'environment' | 'file' | 'default'

export interface Given {
  readonly text: string
  readonly source: Source
  /** Where a person finds it: `--listen`, `REGMIRROR_LISTEN`, `regmirror.yaml: listen (line 3)`. */
  readonly origin: string
}

/** One source's reading: what it gives, in its order, and what is wrong with its shape. */
export class Reading {
  readonly given = new Map<SettingName, Given[]>()
  readonly problems: string[] = []

  add(name: SettingName, given: Given): void {
    this.given.set(name, [...(this.given.get(name) ?? []), given])
  }
}

export type Effective = Readonly<Record<SettingName, readonly Given[]>>

/**
 * The readings come strongest first. The strongest source that gives a single value decides it; lists
 * are put together, the strongest source's entries first.
 */
export function mergeReadings(readings: readonly Reading[]): Effective {
  const effectiveOf = (name: SettingName): readonly Given[] => {
    const all = readings.flatMap((reading) => reading.given.get(name) ?? [])
    const { kind, default: text } = settingOf(name)
    if (kind === 'list') return all
    if (all.length > 0) return all.slice(0, 1)
    return text === undefined ? [] : [{ text, source: 'default', origin: 'default' }]
  }
  return Object.fromEntries(settingNames.map((name) => [name, effectiveOf(name)])) as Effective
}
