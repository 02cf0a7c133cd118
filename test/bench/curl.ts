// The downloading client of every server alike: curl into /dev/null, the cheapest there is.
import { run } from '../support/process.ts'

const FORMAT = '%{http_code} %{size_download} %{time_total}\\n'
const TIMEOUT_MS = 180_000

// Each client takes the blob so many times, one after another. Gives the seconds that the slowest
// client took, without the start of its process; throws if a single byte is missing.
export async function downloadByAll(
  url: string,
  size: number,
  { clients, pulls = 1 }: { readonly clients: number; readonly pulls?: number },
): Promise<number> {
  const all = Array.from({ length: clients }, () => download(url, size, pulls))
  return Math.max(...(await Promise.all(all)))
}

async function download(url: string, size: number, pulls: number): Promise<number> {
  const targets = Array.from({ length: pulls }, () => ['-o', '/dev/null', url]).flat()
  const args = ['-q', '-s', '--noproxy', '*', '-w', FORMAT, ...targets]
  const { lines } = await run('curl', args, { timeoutMs: TIMEOUT_MS })
  const answers = lines.stdout.map((line) => line.split(' ').map(Number))
  const wrong = answers.find(([status, bytes]) => status !== 200 || bytes !== size)
  if (wrong !== undefined || answers.length !== pulls) {
    throw new Error(`${url}: not ${pulls} × 200 with ${size} bytes, but ${lines.stdout.join(', ')}`)
  }
  return answers.reduce((sum, [, , seconds = NaN]) => sum + seconds, 0)
}
