// Long looks at an index, through a read-only connection of its own: nothing waits for them.

import Database from 'better-sqlite3'
import { parentPort, workerData } from 'node:worker_threads'
import { loadAddon } from '../lib/embedded.ts'
import type { SalvagedRow } from './index-port.ts'
import type { InspectReply, InspectWorkerData } from './inspect.ts'
import { salvagedRows } from './salvage.ts'
import { isDamage, markDamaged } from './set-aside.ts'

/** Rows per message: a few hundred KiB of manifests. */
const BATCH_ROWS = 200

const port = parentPort
if (!port) throw new Error('inspect-worker runs as a worker only')

const { layout, file, look } = workerData as InspectWorkerData

const answers = look === 'check' ? checkedTables() : salvagedBatches()
port.on('message', () => reply(nextAnswer()))

function reply(message: InspectReply): void {
  port?.postMessage(message)
}

function nextAnswer(): InspectReply {
  try {
    const { value, done } = answers.next()
    return done ? { end: true } : { value }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** A table at a time, so that it can be interrupted: `ok`, or what is wrong with one. */
function* checkedTables(): Generator<string> {
  try {
    const database = openReadOnly()
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck()
    for (const table of tables.all() as string[]) {
      yield checked(String(database.pragma(`quick_check('${table}')`, { simple: true })))
    }
    database.close()
  } catch (error) {
    // That it is locked, or that there is no memory, says nothing of it.
    if (!(error instanceof Error && isDamage(error))) throw error
    yield checked(error.message)
  }
}

function checked(found: string): string {
  if (found === 'ok') return found
  const inOneLine = found.replace('*** in database main ***', '').replaceAll('\n', ' ').trim()
  markDamaged(layout, inOneLine)
  return inOneLine
}

function* salvagedBatches(): Generator<readonly SalvagedRow[]> {
  const database = openReadOnly()
  let batch: SalvagedRow[] = []
  for (const row of salvagedRows(database)) {
    batch.push(row)
    if (batch.length < BATCH_ROWS) continue
    yield batch
    batch = []
  }
  yield batch
  database.close()
}

function openReadOnly(): Database.Database {
  const binding = loadAddon('better_sqlite3', layout.folder)
  // better-sqlite3 takes the addon object itself; its types know only a path.
  const options = binding ? { nativeBinding: binding as unknown as string } : {}
  return new Database(file, { readonly: true, ...options })
}
