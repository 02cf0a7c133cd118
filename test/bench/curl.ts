// curl as the client that asks for each of many small things once: it keeps its connections, and there
// is no code that has to become warm first.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { run } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'

const TIMEOUT_MS = 120_000

export interface SmallDownload {
  readonly url: string
  readonly digest: string
}

// Gives the seconds that it took; then checks every byte that came.
export async function downloadEach(
  downloads: readonly SmallDownload[],
  connections: number,
): Promise<number> {
  await using temp = new TempFolder('curl')
  const config = downloads.map(({ url }, n) => `url = "${url}"\noutput = "${temp.join(String(n))}"`)
  writeFileSync(temp.join('config'), config.join('\n'))
  const parallel = ['--parallel', '--parallel-immediate', '--parallel-max', String(connections)]
  const flags = ['-q', '-s', '-S', '--fail', '--noproxy', '*', '-K', temp.join('config')]
  const started = performance.now()
  const all = connections === 1 ? flags : [...flags, ...parallel]
  await run('curl', all, { timeoutMs: TIMEOUT_MS })
  const seconds = (performance.now() - started) / 1000
  for (const [n, { url, digest }] of downloads.entries()) {
    const got = createHash('sha256')
      .update(readFileSync(temp.join(String(n))))
      .digest('hex')
    if (`sha256:${got}` !== digest) throw new Error(`${url}: got sha256:${got}`)
  }
  return seconds
}
