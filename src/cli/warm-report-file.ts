// `--report FILE`: opened before the run, so that a path that cannot be written is said at once, and there
// as a whole or not at all.

import {
  closeSync,
  existsSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from '../errors.ts'

export interface ReportFile {
  /** Puts it in its place. */
  write(text: string): void
  /** Of a run that has nothing to report. */
  close(): void
}

/** Throws ConfigError. */
export function openReportFile(file: string): ReportFile {
  try {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
    // What a link points to is written, not the link; what is no file (/dev/stderr) has no place to take.
    return found && !found.isFile()
      ? new OpenReport(file, undefined)
      : new OpenReport(found ? realpathSync(file) : file, `.${process.pid}.partial`)
  } catch (error) {
    throw new ConfigError([`--report: ${unwritable(file, error)}`])
  }
}

class OpenReport implements ReportFile {
  readonly #file: string
  readonly #written: string
  readonly #handle: number
  #isClosed = false

  constructor(file: string, suffix: string | undefined) {
    this.#file = file
    this.#written = file + (suffix ?? '')
    this.#handle = openSync(this.#written, suffix === undefined ? 'a' : 'w')
    process.once('exit', this.close)
  }

  write(text: string): void {
    const isBeside = this.#written !== this.#file
    try {
      writeFileSync(this.#handle, text)
      this.#end()
      if (isBeside) renameSync(this.#written, this.#file)
    } catch (error) {
      if (isBeside) rmSync(this.#written, { force: true })
      throw error
    }
  }

  close = (): void => {
    if (this.#isClosed) return
    this.#end()
    if (this.#written !== this.#file) rmSync(this.#written, { force: true })
  }

  #end(): void {
    this.#isClosed = true
    process.off('exit', this.close)
    closeSync(this.#handle)
  }
}

function unwritable(file: string, error: unknown): string {
  const { code = String(error) } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      // A system's own folder (/proc) takes no new file.
      if (existsSync(dirname(file))) return `${file} cannot be made there: choose another`
      return `the folder ${dirname(file)} for ${file} does not exist: make it or choose another`
    case 'EISDIR':
      return `${file} is a folder: name the file to write in it`
    case 'EACCES':
    case 'EPERM':
      return `user ${process.getuid?.() ?? ''} may not write ${file} (${code}): choose another`
    default:
      return `${file} cannot be written (${code}): choose another`
  }
}
