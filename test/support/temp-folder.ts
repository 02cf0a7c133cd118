// A temporary folder that removes itself: on `close()`, at the end of an `await using` block, and
// (for whatever was left behind by a test that failed or was interrupted) when the process exits.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const leftovers = new Set<TempFolder>()
process.once('exit', () => {
  for (const folder of leftovers) folder.removeNow()
})

export class TempFolder implements AsyncDisposable {
  readonly path: string

  constructor(label = 'test') {
    // Short on purpose: Unix socket paths inside it end at 107 bytes.
    this.path = mkdtempSync(path.join(tmpdir(), `rm-${label}-`))
    leftovers.add(this)
  }

  join(...parts: string[]): string {
    return path.join(this.path, ...parts)
  }

  removeNow(): void {
    leftovers.delete(this)
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }

  async close(): Promise<void> {
    this.removeNow()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
