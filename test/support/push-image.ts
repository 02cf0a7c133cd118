// Puts an image into a registry over HTTP: asks for each blob, uploads what is missing in one PUT,
// then the manifests, children first and the tag last.
import { once } from 'node:events'
import http from 'node:http'
import { text } from 'node:stream/consumers'
import type { Content } from './content.ts'
import { bytesContent } from './content.ts'
import type { Image } from './images.ts'

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export async function pushImage(
  registry: string,
  repository: string,
  tag: string,
  image: Image,
): Promise<void> {
  const base = `${registry}/v2/${repository}`
  for (const [digest, content] of image.blobs) await pushBlob(base, digest, content)
  for (const [digest, { mediaType, bytes }] of image.manifests) {
    const reference = digest === image.top.digest ? tag : digest
    const headers = { 'content-type': mediaType }
    const content = bytesContent(bytes)
    expectStatus(201, await send('PUT', `${base}/manifests/${reference}`, headers, content))
  }
}

async function pushBlob(base: string, digest: string, content: Content): Promise<void> {
  if ((await send('HEAD', `${base}/blobs/${digest}`)).status === 200) return
  const upload = expectStatus(202, await send('POST', `${base}/blobs/uploads/`))
  const location = new URL(upload.headers.location ?? '', base)
  location.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  expectStatus(201, await send('PUT', location.href, headers, content))
}

function expectStatus(wanted: number, answer: Answer): Answer {
  if (answer.status === wanted) return answer
  throw new Error(`the registry answered ${answer.status}, not ${wanted}: ${answer.body}`)
}

async function send(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  content: Content = bytesContent(Buffer.alloc(0)),
): Promise<Answer> {
  const all = { ...headers, 'content-length': content.size }
  const request = http.request(url, { method, headers: all })
  const answered: Promise<[http.IncomingMessage]> = once(request, 'response') as never
  answered.catch(() => {}) // seen again by the await below
  for (const chunk of content.chunks()) {
    if (!request.write(chunk)) await Promise.race([once(request, 'drain'), answered])
  }
  request.end()
  const [response] = await answered
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await text(response),
  }
}
