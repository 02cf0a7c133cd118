// SIGKILL at random instants while eight clients pull: every byte they get is right, the store is
// whole after each, and next to nothing of an interrupted download is fetched again.
//
// REGMIRROR_CAMPAIGN=10 makes the 200 kills of the full campaign.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { FetchedAgain } from '../support/fetched-again.ts'
import { MixedPulls, seededRandom } from '../support/mixed-pulls.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { Skopeo } from '../support/skopeo.ts'
import { checkStore, publishedDigests } from '../support/store-invariants.ts'

const MIB = 2 ** 20
const KILLS = campaign(20)
const REGISTRIES = ['docker.io', 'ghcr.io', 'quay.io']
// Slow enough that the sockets' buffers stay small, and that most kills find downloads under way.
const LINK = { bytesPerSecond: 12 * MIB }
const LIFE_MAX_BYTES = 30 * MIB
const AGAIN_MAX_BYTES = MIB

const skip = Skopeo.unavailable() ?? false

test(`${KILLS} kills during mixed pulls`, { skip, timeout: 60_000 + KILLS * 6000 }, async (t) => {
  await using stack = new AsyncDisposableStack()
  const upstreams: Record<string, ScriptedUpstream> = {}
  const links: Record<string, FaultyLink> = {}
  for (const registry of REGISTRIES) {
    const upstream = stack.use(await ScriptedUpstream.start())
    upstream.script(FetchedAgain.script)
    upstreams[registry] = upstream
    links[registry] = stack.use(await FaultyLink.start(upstream.url, LINK))
  }
  const registries = Object.fromEntries(REGISTRIES.map((name) => [name, links[name]?.url ?? '']))
  const mirror = stack.use(await RegMirror.start({ registries }))
  const pulls = new MixedPulls({ upstreams, mirror, seed })
  const again = new FetchedAgain(Object.values(links))
  const random = seededRandom(seed + 1)
  const checked = new Set<string>()
  const delivered = (): number =>
    Object.values(links).reduce((sum, link) => sum + link.delivered, 0)

  pulls.start()
  for (let kills = 0; kills < KILLS; kills += 1) {
    const until = delivered() + random(LIFE_MAX_BYTES)
    await pulls.until('a kill', () => delivered() >= until)
    pulls.mirrorIsDown()
    mirror.program.signal('SIGSTOP')
    again.interrupt()
    await mirror.stop('SIGKILL')
    // What was published is checked once here, and all of it once more at the end.
    checkStore(mirror.dataFolder, pulls.contents, { except: checked })
    for (const digest of publishedDigests(mirror.dataFolder)) checked.add(digest)
    await mirror.restart()
    pulls.mirrorIsUp()
  }
  for (const link of Object.values(links)) link.set({})
  await pulls.finish()
  again.settle()
  await mirror.stop()
  checkStore(mirror.dataFolder, pulls.contents)

  t.diagnostic(
    `${KILLS} kills, ${again.interrupted} downloads interrupted, ${mib(again.bytes)} fetched, ` +
      `${mib(pulls.verifiedBytes)} given to clients and compared, ${pulls.wholeBlobs} blobs and ` +
      `${pulls.images} images pulled whole; at most ${Math.ceil(again.worst / 1024)} KiB of one ` +
      `download were fetched again (seed ${seed})`,
  )
  assert.ok(again.interrupted > KILLS / 2, `${again.interrupted} downloads were interrupted`)
  assert.ok(pulls.images > 0)
  assert.ok(again.worst <= AGAIN_MAX_BYTES, `${again.worst} bytes of ${again.worstOf}`)
})

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}
