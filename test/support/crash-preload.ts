// Loaded into a mirror that runs from source (`node --import`), in each of its threads: everything
// that changes its data folder is a numbered step, and at one of them the process kills itself.
//
// CRASH_FOLDER: the data folder. CRASH_TRACE: a file that names each step, one a line.
// CRASH_AT: `THREAD NUMBER before|after`, as in the trace.
import { appendFileSync } from 'node:fs'
import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { isMainThread } from 'node:worker_threads'
import Database from 'better-sqlite3'

type Anything = (...values: unknown[]) => unknown
type Methods = Record<string, Anything>

const folder = process.env['CRASH_FOLDER'] ?? ''
const trace = process.env['CRASH_TRACE'] ?? ''
const [crashThread, crashNumber, crashWhen] = (process.env['CRASH_AT'] ?? '').split(' ')
const thread = isMainThread ? 'main' : 'worker'
let steps = 0

// Kills the process where this is its step; `after` it is done.
function step(name: string, act: () => unknown): unknown {
  steps += 1
  const isIt = thread === crashThread && String(steps) === crashNumber
  appendFileSync(trace, `${thread} ${steps} ${name}\n`)
  if (isIt && crashWhen === 'before') process.kill(process.pid, 'SIGKILL')
  const done = act()
  if (!isIt) return done
  const die = (): void => void process.kill(process.pid, 'SIGKILL')
  if (done instanceof Promise) return done.finally(die)
  die()
  return done
}

function shortened(file: string): string {
  return path.relative(folder, file).replaceAll(/[0-9a-f]{64}/g, (hex) => hex.slice(0, 8))
}

function wrap(
  owner: object,
  names: readonly string[],
  nameOf: (self: unknown, values: unknown[]) => string | undefined,
) {
  const methods = owner as Methods
  for (const method of names) {
    const original = methods[method]
    if (original === undefined) continue
    methods[method] = function (this: unknown, ...values: unknown[]) {
      const name = nameOf(this, values)
      const act = (): unknown => original.apply(this, values)
      return name === undefined ? act() : step(`${method} ${name}`, act)
    }
  }
}

const opened = new WeakMap<object, string>()

function ownFile(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith(folder) ? shortened(value) : undefined
}

// Before they are wrapped themselves.
const probe = await fs.promises.open(import.meta.filename)
const handles = Object.getPrototypeOf(probe) as object
await probe.close()
const open = fs.promises.open.bind(fs.promises)
const writes = fs.constants.O_RDWR | fs.constants.O_WRONLY
fs.promises.open = async (...values: Parameters<typeof open>): Promise<FileHandle> => {
  const name = ownFile(values[0])
  const makes = typeof values[1] === 'number' ? (values[1] & writes) !== 0 : values[1] !== 'r'
  const handle = await (name === undefined || !makes
    ? open(...values)
    : (step(`open ${name}`, () => open(...values)) as Promise<FileHandle>))
  if (name !== undefined) opened.set(handle, name)
  return handle
}
wrap(fs.promises, ['rename', 'rm', 'unlink', 'mkdir'], (_, values) => ownFile(values[0]))
wrap(fs, ['renameSync', 'rmSync', 'unlinkSync', 'mkdirSync'], (_, values) => ownFile(values[0]))
wrap(handles, ['write', 'writev', 'datasync', 'sync', 'truncate'], (self) =>
  opened.get(self as object),
)
syncBuiltinESMExports()

const database = new Database(':memory:')
wrap(Object.getPrototypeOf(database.prepare('SELECT 1')) as object, ['run'], (self) => {
  const { source } = self as { readonly source: string }
  return source.trim().replaceAll(/\s+/g, ' ').slice(0, 60)
})
wrap(Database.prototype as object, ['exec', 'pragma'], (_, values) =>
  String(values[0]).trim().replaceAll(/\s+/g, ' ').slice(0, 60),
)
database.close()
