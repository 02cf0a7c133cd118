// SIGKILL at nine tenths of a big layer: the next run goes on where the bytes ended, and the layer is
// published right. By the command alone, and through a server that dies.
//
// REGMIRROR_CAMPAIGN=4 makes it a layer of 1 GiB.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { artifact, contentOf, described } from '../support/artifacts.ts'
import { seededContent } from '../support/content.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { FetchedAgain } from '../support/fetched-again.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import type { Program } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { checkStore, publishedDigests } from '../support/store-invariants.ts'
import { waitUntil } from '../support/wait-until.ts'
import { statuses, WarmCommand } from '../support/warm-command.ts'

const MIB = 2 ** 20
const LAYER_BYTES = Math.min(campaign(256), 1024) * MIB
const KILLED_AT = 0.9 * LAYER_BYTES
// Slow enough that the sockets' buffers stay small.
const LINK = { bytesPerSecond: 128 * MIB }
const AGAIN_MAX_BYTES = MIB
const REFERENCE = 'docker.io/library/big:1'
const TIMEOUT = { timeout: 120_000 }

const layer = seededContent(`warm resume ${seed}`, LAYER_BYTES)
const config = contentOf(Buffer.from('{}'))
const image = artifact(
  {
    config: described(MEDIA_TYPES.oci.config, config),
    layers: [described(MEDIA_TYPES.oci.plainLayer, layer)],
  },
  { contents: [config, layer] },
)

class Night implements AsyncDisposable {
  readonly link: FaultyLink
  readonly warm: WarmCommand
  readonly #again: FetchedAgain
  readonly #upstream: ScriptedUpstream

  private constructor(upstream: ScriptedUpstream, link: FaultyLink) {
    this.#upstream = upstream
    this.link = link
    this.#again = new FetchedAgain([link])
    this.warm = new WarmCommand({ list: `${REFERENCE}\n`, registries: { 'docker.io': link.url } })
  }

  static async start(): Promise<Night> {
    const upstream = await ScriptedUpstream.start()
    upstream.script(FetchedAgain.script)
    upstream.addImage('library/big', '1', image)
    return new Night(upstream, await FaultyLink.start(upstream.url, LINK))
  }

  // Whoever downloads, which is `program`.
  async killed(program: Program, kill: () => Promise<unknown>): Promise<void> {
    const what = 'nine tenths of the layer'
    const come = (): boolean => program.exit !== undefined || this.link.delivered >= KILLED_AT
    await waitUntil(come, { what, timeoutMs: 60_000, everyMs: 2 })
    assert.equal(program.exit, undefined, program.report())
    program.signal('SIGSTOP')
    this.#again.interrupt()
    await kill()
    assert.deepEqual(publishedDigests(this.warm.dataFolder).includes(layer.digest), false)
    this.link.set({})
  }

  async finished(t: TestContext): Promise<void> {
    const end = await this.warm.run()
    assert.deepEqual(statuses(end.report), { [REFERENCE]: 'warmed' }, end.said)
    assert.equal(end.code, 0, end.said)
    this.#again.settle()
    const { worst, worstOf, interrupted } = this.#again
    t.diagnostic(`${Math.ceil(worst / 1024)} KiB of ${LAYER_BYTES / MIB} MiB were fetched twice`)
    assert.equal(interrupted, 1)
    assert.ok(worst <= AGAIN_MAX_BYTES, `${worst} bytes of ${worstOf}`)
  }

  check(): void {
    checkStore(this.warm.dataFolder, new Map())
    assert.ok(publishedDigests(this.warm.dataFolder).includes(layer.digest))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.warm.close()
    await this.link.close()
    await this.#upstream.close()
  }
}

test('a killed command', TIMEOUT, async (t) => {
  await using night = await Night.start()
  const program = night.warm.begin()
  await night.killed(program, () => program.stop('SIGKILL'))
  await night.finished(t)
  night.check()
})

test('a killed server', TIMEOUT, async (t) => {
  await using night = await Night.start()
  await using mirror = await night.warm.serve()
  const program = night.warm.begin()
  await night.killed(mirror.program, () => mirror.stop('SIGKILL'))
  assert.notEqual((await program.exited).code, 0)
  await mirror.restart()
  await night.finished(t)
  await mirror.stop()
  night.check()
})
