// The power fails at random instants while eight clients pull: what had been synced is there again,
// every byte they get is right, and of an interrupted download little is fetched again.
//
// REGMIRROR_CAMPAIGN=7 makes the 20 power losses of the full campaign.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { FetchedAgain } from '../support/fetched-again.ts'
import { LoopDisk } from '../support/loop-disk.ts'
import { MixedPulls, seededRandom } from '../support/mixed-pulls.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { Skopeo } from '../support/skopeo.ts'
import { checkStore } from '../support/store-invariants.ts'

const MIB = 2 ** 20
// Each with a disk of its own, or the copies of what it holds would be most of the work.
const DISKS = Math.ceil(campaign(1))
const LOSSES_PER_DISK = 3
const DISK_BYTES = 6 * 2 ** 30
const LIFE_MIN_BYTES = 40 * MIB
const LIFE_MAX_BYTES = 300 * MIB
const SIZES_MIB = [2, 20, 220, 260, 300]
const LINK = { bytesPerSecond: 120 * MIB }
const AGAIN_MAX_BYTES = 64 * MIB

const skip = LoopDisk.unavailable() ?? Skopeo.unavailable() ?? false

for (let disks = 0; disks < DISKS; disks += 1) {
  const name = `${LOSSES_PER_DISK} power losses during mixed pulls, disk ${disks + 1} of ${DISKS}`
  test(name, { skip, timeout: 180_000 }, async (t) => {
    await using disk = await LoopDisk.make(DISK_BYTES)
    await using upstream = await ScriptedUpstream.start()
    upstream.script(FetchedAgain.script)
    await using link = await FaultyLink.start(upstream.url, LINK)
    await using mirror = await RegMirror.start({
      registries: { 'docker.io': link.url },
      dataFolder: `${disk.folder}/data`,
      startedBy: () => disk.onMachine,
    })
    const diskSeed = seed + disks
    const pulls = new MixedPulls({
      upstreams: { 'docker.io': upstream },
      mirror,
      seed: diskSeed,
      sizesMiB: SIZES_MIB,
      onOffer: 2,
    })
    const again = new FetchedAgain([link])
    const random = seededRandom(diskSeed)

    pulls.start()
    for (let losses = 0; losses < LOSSES_PER_DISK; losses += 1) {
      const until = link.delivered + LIFE_MIN_BYTES + random(LIFE_MAX_BYTES - LIFE_MIN_BYTES)
      await pulls.until('a power loss', () => link.delivered >= until)
      pulls.mirrorIsDown()
      mirror.program.signal('SIGSTOP')
      again.interrupt()
      await disk.losePower(() => mirror.stop('SIGKILL'))
      checkStore(mirror.dataFolder, pulls.contents, { powerFailed: true })
      await mirror.restart()
      pulls.mirrorIsUp()
    }
    link.set({})
    await pulls.finish()
    again.settle()
    await mirror.stop()
    checkStore(mirror.dataFolder, pulls.contents)

    t.diagnostic(
      `${LOSSES_PER_DISK} power losses, ${again.interrupted} downloads interrupted, ` +
        `${Math.round(again.bytes / MIB)} MiB fetched; at most ` +
        `${(again.worst / MIB).toFixed(1)} MiB of one download were fetched again (seed ${diskSeed})`,
    )
    assert.ok(again.interrupted > 0)
    assert.ok(again.worst <= AGAIN_MAX_BYTES, `${again.worst} bytes of ${again.worstOf}`)
  })
}
