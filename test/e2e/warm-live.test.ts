// A colleague's pull during a nightly run that takes the whole line to the internet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegMirror } from '../support/binary.ts'
import { ShapedUpstream } from '../support/shaped-upstream.ts'
import type { ShapedImage } from '../support/shaped-upstream.ts'
import { waitUntil } from '../support/wait-until.ts'
import { WarmCommand } from '../support/warm-command.ts'

const MIB = 2 ** 20
const LINK_BITS_PER_SECOND = 200_000_000
const LINK_BYTES_PER_SECOND = LINK_BITS_PER_SECOND / 8
// What the link and the system's receive buffers, of up to 32 MiB for each of the run's connections, hold
// when the pull begins is to be little of it.
const IMAGE_MIB = 400
// More than the link brings in the whole test.
const WARMED_IMAGES = 3
const SATURATED = 0.8
const RATIO_MAX = 1.25

const reason = ShapedUpstream.unavailable()

test(
  'a pull during a run that saturates the link takes at most a quarter longer than alone',
  { skip: reason, timeout: 180_000 },
  async (t) => {
    const wanted = Array.from({ length: WARMED_IMAGES }, (_, n) => `warmed/${n}`)
    const imagesMiB = {
      'pulled/alone': IMAGE_MIB,
      'pulled/beside': IMAGE_MIB,
      ...Object.fromEntries(wanted.map((name) => [name, IMAGE_MIB])),
    }
    await using upstream = await ShapedUpstream.start({
      bitsPerSecond: LINK_BITS_PER_SECOND,
      imagesMiB,
    })
    await using command = new WarmCommand({
      registries: { 'ghcr.io': upstream.url },
      list: wanted.map((name) => `ghcr.io/${name}:1\n`).join(''),
    })
    await using mirror = await command.serve()
    const alone = await pull(mirror, upstream.image('pulled/alone'))

    await using warm = command.begin('--progress', 'plain')
    await saturated(upstream, 'by the run')
    const before = upstream.arrivedBytes
    const beside = await pull(mirror, upstream.image('pulled/beside'))
    const besideIt = upstream.arrivedBytes - before - IMAGE_MIB * MIB
    await saturated(upstream, 'by the run again')
    assert.equal(warm.exit, undefined, warm.report())

    const ratio = beside / alone
    t.diagnostic(
      `${IMAGE_MIB} MiB: ${alone.toFixed(2)} s alone, ${beside.toFixed(2)} s beside a run ` +
        `(ratio ${ratio.toFixed(3)}), which got ${(besideIt / MIB).toFixed(1)} MiB meanwhile`,
    )
    assert.ok(ratio <= RATIO_MAX, `${ratio} times as long`)
  },
)

// Seconds from the question to the last byte of manifest and layer.
async function pull(mirror: RegMirror, { name, layer, sizeBytes }: ShapedImage): Promise<number> {
  const begin = performance.now()
  const manifest = await fetch(mirror.manifestUrl('ghcr.io', name, '1'))
  assert.equal(manifest.status, 200, await manifest.text())
  const blob = await fetch(mirror.blobUrl('ghcr.io', name, layer))
  let bytes = 0
  for await (const chunk of blob.body ?? []) bytes += chunk.byteLength
  assert.equal(bytes, sizeBytes)
  return (performance.now() - begin) / 1000
}

// For a second at least.
async function saturated(upstream: ShapedUpstream, what: string): Promise<void> {
  let since = performance.now()
  let before = upstream.arrivedBytes
  const isFull = (): boolean => {
    const seconds = (performance.now() - since) / 1000
    if (seconds < 1) return false
    const rate = (upstream.arrivedBytes - before) / seconds
    since = performance.now()
    before = upstream.arrivedBytes
    return rate >= SATURATED * LINK_BYTES_PER_SECOND
  }
  await waitUntil(isFull, { what: `the link filled ${what}`, everyMs: 100, timeoutMs: 60_000 })
}
