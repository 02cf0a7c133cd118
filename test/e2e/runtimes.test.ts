// The same source on the other runtimes: what a pull is made of, and a whole one by a real client.
// `npm run test:runtimes` runs there whatever goes through a mirror.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { rawRequest } from '../support/raw-http.ts'
import { programOn, provideRuntime, RUNTIMES } from '../support/runtimes.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'

const REPOSITORY = 'library/app'
const good = heldContent(seededContent('good', 5_000_000))
const wrong = heldContent(seededContent('wrong', 1_000_000))
const image = buildImage({ seed: 'runtimes', form: 'oci' })

for (const runtime of RUNTIMES) {
  const missing = provideRuntime(runtime, () => undefined)
  if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)
  const program = programOn(runtime)

  const title = `on ${runtime} a layer is fetched once, and a wrong one ends short and by FIN`
  test(title, { skip: missing ?? false, timeout: 60_000 }, async () => {
    await using upstream = await ScriptedUpstream.start()
    for (const blob of [good, wrong]) upstream.addBlob(REPOSITORY, blob)
    upstream.script({ path: `/blobs/${wrong.digest}`, reply: { flip: 1000 } })
    const registries = { 'docker.io': upstream.url }
    await using mirror = await RegMirror.start({ registries, program })
    const get = (digest: string, headers = {}) =>
      rawRequest(mirror.blobUrl('docker.io', REPOSITORY, digest), { headers })

    for (const from of ['upstream', 'store']) {
      await using whole = await get(good.digest)
      assert.equal((await whole.take({ expect: good })).ending, 'complete', from)
    }
    await using part = await get(good.digest, { range: 'bytes=1000-1999' })
    assert.equal(part.status, 206)
    assert.deepEqual(await part.body(), good.bytes.subarray(1000, 2000))
    assert.equal(upstream.log.find({ method: 'GET', path: `/blobs/${good.digest}` }).length, 1)

    await using broken = await get(wrong.digest)
    const taken = await broken.take()
    assert.equal(taken.ending, 'fin')
    assert.ok(taken.bytes < wrong.size)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  })

  const skip = missing ?? Skopeo.unavailable() ?? false
  const whole = `skopeo copies an image over TLS from a mirror on ${runtime}, and again without upstream`
  test(whole, { skip, timeout: 60_000 }, async () => {
    await using upstream = await ScriptedUpstream.start()
    upstream.addImage(REPOSITORY, '1', image)
    await using folder = new TempFolder('runtime')
    const registries = { 'docker.io': upstream.url }
    await using mirror = await RegMirror.start({ registries, program, args: ['--tls', 'self'] })
    const ca = folder.join('ca.crt')
    const authority = await fetch(`${mirror.url}/ca.crt`)
    writeFileSync(ca, await authority.text())

    for (const more of [[], ['--offline']]) {
      if (more.length > 0) await mirror.restart(more)
      upstream.log.clear()
      await using skopeo = await Skopeo.start({ url: `https://127.0.0.1:${mirror.port}`, ca })
      assert.equal(await skopeo.pull(`docker.io/${REPOSITORY}:1`), image.top.digest)
      assert.equal(upstream.log.all.length > 0, more.length === 0)
    }
  })
}
