// A pull as a client makes it: the tag, each platform's manifest, its config and its layers, every
// byte compared with the image.
import assert from 'node:assert/strict'
import { readAll } from './content.ts'
import type { Image } from './images.ts'
import type { TestMirror } from './test-mirror.ts'

// `name` as clients write it in the path: `app`, `ghcr.io/org/app`.
export async function pullWhole(
  mirror: TestMirror,
  name: string,
  tag: string,
  image: Image,
): Promise<void> {
  const get = async (path: string): Promise<Buffer> => {
    const answer = await mirror.get(`/v2/${name}/${path}`)
    assert.equal(
      answer.status,
      200,
      `${path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`,
    )
    assert.equal(answer.ending, 'complete', path)
    return answer.body
  }
  assert.ok((await get(`manifests/${tag}`)).equals(bytesOf(image, image.top.digest)), 'the tag')
  for (const digest of image.manifests.keys()) {
    assert.ok((await get(`manifests/${digest}`)).equals(bytesOf(image, digest)), digest)
  }
  for (const [digest, content] of image.blobs) {
    assert.ok((await get(`blobs/${digest}`)).equals(readAll(content)), digest)
  }
}

function bytesOf(image: Image, digest: string): Buffer {
  const manifest = image.manifests.get(digest)
  assert.ok(manifest)
  return manifest.bytes
}

// Resolves once everything of it is stored: readers have the last byte a little before.
export async function stored(mirror: TestMirror, image: Image): Promise<void> {
  await mirror.published(...image.blobs.keys())
}
