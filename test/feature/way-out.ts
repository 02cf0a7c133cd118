// One small image, upstreams that have it, and mirrors that have to find a way to them.
import assert from 'node:assert/strict'
import { readAll } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import type { UpstreamTls } from '../support/scripted-upstream.ts'
import { TestMirror } from '../support/test-mirror.ts'
import type { ConfigChanges, RegistryChanges } from '../support/test-mirror.ts'

const IMAGE = buildImage({
  seed: 'way out',
  form: 'oci',
  architectures: ['amd64'],
  smallLayers: 1,
})

export async function upstreamWithImage(tls?: UpstreamTls): Promise<ScriptedUpstream> {
  const upstream = await ScriptedUpstream.start(tls)
  upstream.addImage('library/app', '1', IMAGE)
  return upstream
}

// Of docker.io; a failure is final at once, unless the test is about that.
export function mirrorOf(
  registry: string | RegistryChanges,
  changes: ConfigChanges = {},
): Promise<TestMirror> {
  return TestMirror.start({ registries: { 'docker.io': registry }, ...changes })
}

// Everything of the image, and byte for byte.
export async function pull(mirror: TestMirror): Promise<void> {
  const { status, body } = await mirror.get('/v2/library/app/manifests/1')
  assert.equal(status, 200, body.toString())
  assert.ok(body.equals(IMAGE.manifests.get(IMAGE.top.digest)?.bytes ?? Buffer.alloc(0)))
  for (const [digest, content] of IMAGE.blobs) {
    const blob = await mirror.get(`/v2/library/app/blobs/${digest}`)
    assert.equal(blob.status, 200, blob.body.toString())
    assert.ok(blob.body.equals(readAll(content)))
  }
}

// What a client is told when the mirror finds no way.
export async function failure(mirror: TestMirror, what = 'manifests/1'): Promise<string> {
  const { status, body } = await mirror.get(`/v2/library/app/${what}`)
  assert.equal(status, 502, body.toString())
  const { errors } = JSON.parse(body.toString()) as { errors: { message: string }[] }
  return errors[0]?.message ?? ''
}

export const BLOBS: readonly string[] = [...IMAGE.blobs.keys()]
