// What may be lost: not yet in the note when the process is killed, not yet synced when the power fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { GapWriter } from '../../../src/mirror/gap-writer.ts'
import { Progress } from '../../../src/mirror/progress.ts'
import { extentBytes } from '../../../src/lib/extents.ts'
import type { Extent } from '../../../src/lib/extents.ts'
import type { StagedBlob } from '../../../src/store/blob-store.ts'

const KIB = 1024
const MIB = 1024 * KIB

// A staged file whose notes and syncs take so many turns each, and which knows the most it has ever
// written ahead of them.
class SlowStaged implements Pick<StagedBlob, 'extents' | 'write' | 'note' | 'sync'> {
  readonly extents: readonly Extent[]
  mostUnnoted = 0
  mostUnsynced = 0
  #written: number
  #asked: number
  #noted: number
  #synced = 0
  readonly #turns: number
  readonly #failing: boolean

  constructor(turns: number, { kept = 0, failing = false } = {}) {
    this.#turns = turns
    this.#failing = failing
    this.extents = kept === 0 ? [] : [{ start: 0, end: kept }]
    this.#written = this.#asked = this.#noted = kept
  }

  async write(_position: number, chunks: readonly Uint8Array[]): Promise<void> {
    await turn()
    for (const chunk of chunks) this.#written += chunk.length
    this.mostUnnoted = Math.max(this.mostUnnoted, this.#written - this.#noted)
    this.mostUnsynced = Math.max(this.mostUnsynced, this.#written - this.#synced)
  }

  async note(extents: readonly Extent[]): Promise<void> {
    const asked = (this.#asked = extentBytes(extents))
    for (let n = 0; n < this.#turns; n += 1) await turn()
    this.#noted = asked
  }

  async sync(): Promise<void> {
    const covered = this.#asked
    for (let n = 0; n < this.#turns; n += 1) await turn()
    if (this.#failing) throw new Error('the disk failed')
    this.#synced = covered
  }
}

async function download(staged: SlowStaged, bytes: number, chunkBytes: number): Promise<void> {
  const progress = new Progress(staged as unknown as StagedBlob)
  progress.resume()
  const start = progress.bytes
  const arrived = (from: number, to: number): Promise<void> | undefined =>
    progress.add(from, to, undefined)
  const writer = new GapWriter(staged as unknown as StagedBlob, start, arrived)
  const chunk = new Uint8Array(chunkBytes)
  for (let at = 0; at < bytes; at += chunkBytes) await writer.add(chunk)
  await writer.flushed()
  await progress.settled()
}

for (const turns of [0, 1, 50]) {
  test(`less than 1 MiB is written ahead of the note, and 64 MiB ahead of a sync (disk of ${turns})`, async () => {
    const staged = new SlowStaged(turns)
    await download(staged, 200 * MIB, 64 * KIB)
    // The rest of the 1 MiB: what waits to be written, and what the connection has taken already.
    assert.ok(staged.mostUnnoted <= 600 * KIB, `${staged.mostUnnoted} bytes ahead of the note`)
    assert.ok(staged.mostUnsynced <= 64 * MIB, `${staged.mostUnsynced} bytes ahead of a sync`)
  })
}

test('a sync that takes for ever holds up the download, not the bound', async () => {
  const staged = new SlowStaged(5000)
  await download(staged, 100 * MIB, MIB)
  assert.ok(staged.mostUnsynced <= 64 * MIB, `${staged.mostUnsynced} bytes ahead of a sync`)
})

test('what an earlier attempt left unsynced counts too', async () => {
  const staged = new SlowStaged(200, { kept: 60 * MIB })
  await download(staged, 40 * MIB, MIB)
  assert.ok(staged.mostUnsynced <= 64 * MIB, `${staged.mostUnsynced} bytes ahead of a sync`)
})

test('a disk that cannot sync does not stop the download', async () => {
  const staged = new SlowStaged(1, { failing: true })
  await download(staged, 200 * MIB, MIB)
  assert.ok(staged.mostUnsynced > 64 * MIB)
})
