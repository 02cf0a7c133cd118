// Whether what a server sends is what it should be: once per server and kind of answer, outside the
// measured times, because hashing costs more than everything that is measured.
import { rawRequest } from '../support/raw-http.ts'

// `ca`: PEM of the one authority to trust, for https.
export async function checkHash(url: string, digest: string, ca?: string): Promise<void> {
  await using response = await rawRequest(url, ca === undefined ? {} : { ca })
  const { sha256, ending } = await response.take({ hash: true })
  if (response.status !== 200 || ending !== 'complete' || sha256 !== digest) {
    throw new Error(`${url}: status ${response.status}, ${ending}, got ${sha256}`)
  }
}
