// An index that is damaged is never thrown away: it goes to quarantine as it is, with its date.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

/** SQLite keeps its latest changes in files of their own. */
const PARTS = ['', '-wal', '-shm']

/** SQLite's words for a file whose content cannot be what it wrote. */
export function isDamage(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB'
}

export function isMarkedDamaged(layout: Layout): boolean {
  return existsSync(layout.indexDamaged)
}

/** For people, wherever it was found. */
export function damageSentence(because: string): string {
  return (
    `the index is damaged (${because}): restart regmirror, which then makes it again from what is ` +
    `stored`
  )
}

/** At the next start the index is rebuilt. Where even this cannot be written, what is damaged is met again. */
export function markDamaged(layout: Layout, because: string): void {
  try {
    writeFileSync(layout.indexDamaged, `${because}\n`)
  } catch {
    return
  }
}

/** Their names begin with their dates. */
export function newestSetAside(layout: Layout): string | undefined {
  if (!existsSync(layout.quarantine)) return undefined
  const names = readdirSync(layout.quarantine).filter((name) => /^index-.*\.db$/.test(name))
  const newest = names.sort().at(-1)
  return newest === undefined ? undefined : join(layout.quarantine, newest)
}

/** Moves the index to quarantine; undefined where there is none. Nobody may have it open. */
export function setAside(layout: Layout, now: Date): string | undefined {
  mkdirSync(layout.quarantine, { recursive: true })
  const when = now.toISOString().replaceAll(/[:.]/g, '-')
  const target = join(layout.quarantine, `index-${when}.db`)
  const parts = PARTS.filter((part) => existsSync(layout.index + part))
  // The index itself last: were this cut short, the next start would find it damaged once more.
  for (const part of parts.toReversed()) renameSync(layout.index + part, target + part)
  rmSync(layout.indexDamaged, { force: true })
  return parts.includes('') ? target : undefined
}
