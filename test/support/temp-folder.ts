// A temporary folder that removes itself: on `close()`, at the end of an `await using` block, and
// (for whatever was left behind by a test that failed or was interrupted) when the process exits.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { removeAtExit } from './at-exit.ts'

export class TempFolder implements AsyncDisposable {
  readonly path: string
  readonly #forget: () => void

  constructor(label = 'test', below = tmpdir()) {
    // Short on purpose: Unix socket paths inside it end at 107 bytes.
    this.path = mkdtempSync(path.join(below, `rm-${label}-`))
    this.#forget = removeAtExit(() => this.#remove())
  }

  join(...parts: string[]): string {
    return path.join(this.path, ...parts)
  }

  async close(): Promise<void> {
    this.#remove()
    this.#forget()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}
