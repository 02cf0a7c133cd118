// What differs between the packaged program and the source tree: where a worker's code and a native
// addon come from. Everything else runs the same in both.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { threadId, Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

// build.ts defines both. From source they do not exist, hence the typeof below.
declare const REGMIRROR_WORKERS: Record<string, string>
declare const REGMIRROR_ADDONS: Record<string, string>

const workerSources = typeof REGMIRROR_WORKERS === 'undefined' ? undefined : REGMIRROR_WORKERS
const addonHashes = typeof REGMIRROR_ADDONS === 'undefined' ? undefined : REGMIRROR_ADDONS

const loadedAddons = new Map<string, object>()

/**
 * Starts a worker: `startWorker('index-worker', new URL('./index-worker.ts', import.meta.url), …)`.
 * The name is the file's name without `.ts` and ends in `-worker`, by which build.ts finds it.
 */
export function startWorker(name: string, sourceUrl: URL, options: WorkerOptions = {}): Worker {
  if (workerSources === undefined) return new Worker(sourceUrl, { name, ...options })
  const source = workerSources[name]
  if (source === undefined) throw new Error(`The program was built without the worker ${name}.`)
  return new Worker(source, { name, ...options, eval: true })
}

/**
 * The native addon that the packaged program carries, or undefined when running from source, where
 * the addon's package finds its own file. Works in the main thread and in workers.
 *
 * The system can only load an addon from a file, so it is written to `<folder>/native/`. The caller
 * gives its data folder: the one place that is sure to be writable and not mounted noexec.
 */
export function loadAddon(name: string, folder: string): object | undefined {
  const hash = addonHashes?.[name]
  if (hash === undefined) return undefined
  const loaded = loadedAddons.get(name)
  if (loaded !== undefined) return loaded

  const file = path.resolve(folder, 'native', `${name}-${hash.slice(0, 16)}.node`)
  // Checked every time: what a crash in mid-write leaves would crash this program too.
  if (sha256OfFile(file) !== hash) writeAddonOrExplain(name, file)
  const module = { exports: {} }
  process.dlopen(module, file)
  loadedAddons.set(name, module.exports)
  return module.exports
}

/** Nothing runs without it, so what the operator reads names the file and what to do. */
function writeAddonOrExplain(name: string, file: string): void {
  try {
    writeAddon(name, file)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    const remedy = isFull
      ? 'its disk is full; free some space on it, and start again'
      : `${message}; let this user write there, or choose another folder with --data`
    throw new Error(`cannot write ${file}, which regmirror runs on: ${remedy}`, { cause: error })
  }
}

function writeAddon(name: string, file: string): void {
  const folder = path.dirname(file)
  mkdirSync(folder, { recursive: true })
  // Two threads may do this at once: each writes its own file, and the rename is atomic.
  const staged = `${file}.${process.pid}-${threadId}`
  const { getRawAsset } = process.getBuiltinModule('node:sea')
  try {
    writeFileSync(staged, new Uint8Array(getRawAsset(name)), { mode: 0o755 })
    renameSync(staged, file)
  } catch (error) {
    rmSync(staged, { force: true })
    throw error
  }
  removeOlderVersions(name, file)
}

function removeOlderVersions(name: string, file: string): void {
  const folder = path.dirname(file)
  for (const entry of readdirSync(folder)) {
    const older = entry.startsWith(`${name}-`) && entry.endsWith('.node')
    if (older && entry !== path.basename(file)) rmSync(path.join(folder, entry), { force: true })
  }
}

function sha256OfFile(file: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex')
  } catch {
    return undefined
  }
}
