// Real fills into real staged files, hashed by a real worker, from a source that does what a test
// says.
import { mkdirSync, readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { UpstreamError } from '../../src/errors.ts'
import type { UpstreamErrorKind } from '../../src/errors.ts'
import { Fill } from '../../src/mirror/fill.ts'
import type { FillOptions } from '../../src/mirror/fill-options.ts'
import { Pace } from '../../src/mirror/pace.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/name.ts'
import { startHasher } from '../../src/store/hasher.ts'
import type { RunningHash } from '../../src/store/hasher.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { stageBlob } from '../../src/store/staged-blob.ts'
import type { OpenedBlob } from '../../src/upstream/upstream.ts'
import type { HeldContent } from './content.ts'
import { ScriptedRoom } from './scripted-room.ts'
import { TempFolder } from './temp-folder.ts'

// What is wrong with one answer of the source; the ones after the last are good.
export interface Fault {
  readonly cutAfter: number | undefined
  readonly ignoreRange: boolean
  readonly flip: number | undefined
  // Of one that comes beside others.
  readonly refusal?: UpstreamErrorKind
  // How many turns of the loop each chunk takes.
  readonly slowTurns?: number
}

// Of one answer of the source.
export interface Given {
  readonly start: number
  readonly isFurther: boolean
  bytes: number
}

export interface FillPlan {
  readonly content: HeldContent
  readonly chunkBytes: number
  readonly tellsSize: boolean
  readonly isDescribed: boolean
  readonly faults: readonly Fault[]
}

export interface Reader {
  readonly comesAfter: number
  readonly leavesAfter: number | undefined
  readonly from: number
}

export interface Read {
  readonly from: number
  readonly bytes: Buffer
  // Whether the source said that this was the end.
  readonly isComplete: boolean
}

export class FillSetting {
  readonly folder: string
  // Since the last fill was started.
  readonly given: Given[] = []
  readonly #temp = new TempFolder('fill')
  readonly #hasher = startHasher(1)
  readonly #hashes = new Set<RunningHash>()

  constructor() {
    this.folder = this.#temp.join('data')
    const { staging, blobs } = layoutOf(this.folder)
    for (const each of [staging, blobs]) mkdirSync(each, { recursive: true })
  }

  start(plan: FillPlan, more: Partial<FillOptions> = {}): Fill {
    const { content, faults } = plan
    const digest = parseDigest(content.digest) as Digest
    const left = [...faults]
    this.given.length = 0
    return new Fill({
      digest,
      repository: { registry: 'docker.io', name: parseRepositoryName('app') as never },
      expectedBytes: plan.isDescribed ? content.size : undefined,
      segments: 1,
      abandoned: 'finish',
      hasher: { ...this.#hasher, begin: (...args) => this.#watched(this.#hasher.begin(...args)) },
      stage: () => stageBlob(layoutOf(this.folder), digest),
      stagedBytes: () => Promise.resolve(0),
      open: async (range, isFurther = false) => {
        await turn()
        const fault = left.shift()
        if (fault?.refusal && isFurther) throw new UpstreamError(fault.refusal, 'refused')
        const given = { start: range?.start ?? 0, isFurther, bytes: 0 }
        this.given.push(given)
        return answer(plan, fault, range, given)
      },
      room: new ScriptedRoom(),
      pace: new Pace(),
      published: async () => {},
      passed: () => {},
      ...more,
    })
  }

  // Begun, and neither finished nor dropped: each keeps a file open.
  get runningHashes(): number {
    return this.#hashes.size
  }

  #watched(hash: RunningHash): RunningHash {
    const end = (): void => void this.#hashes.delete(hash)
    this.#hashes.add(hash)
    return {
      ...hash,
      finish: (sizeBytes) => hash.finish(sizeBytes).finally(end),
      drop: () => {
        end()
        hash.drop()
      },
    }
  }

  async close(): Promise<void> {
    await this.#hasher.close()
    await this.#temp.close()
  }
}

function answer(
  { content, chunkBytes, tellsSize }: FillPlan,
  fault: Fault | undefined,
  range: { start: number; end?: number } | undefined,
  given: Given,
): OpenedBlob {
  const isRanged = range !== undefined && fault?.ignoreRange !== true
  const start = isRanged ? range.start : 0
  const end = isRanged ? Math.min(content.size, (range.end ?? Infinity) + 1) : content.size
  const stop = Math.min(end, start + (fault?.cutAfter ?? Infinity))
  const bytes = Buffer.from(content.bytes)
  if (fault?.flip !== undefined && fault.flip < bytes.length) {
    bytes.writeUInt8(bytes.readUInt8(fault.flip) ^ 0xff, fault.flip)
  }
  const aborting = new AbortController()
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let at = start; at < stop; at += chunkBytes) {
      if (aborting.signal.aborted) return
      for (let turns = fault?.slowTurns ?? 0; turns > 0; turns -= 1) await turn()
      const chunk = bytes.subarray(at, Math.min(at + chunkBytes, stop))
      given.bytes += chunk.length
      yield chunk
      if ((at / chunkBytes) % 5 === 0) await turn()
    }
    if (stop < end) throw new UpstreamError('unreachable', 'cut')
  }
  return {
    start,
    isPart: isRanged,
    totalBytes: tellsSize ? content.size : undefined,
    body: body(),
    abort: () => aborting.abort(),
    distrust: () => false,
    isAnonymous: true,
    isOrigin: true,
  }
}

export async function readThrough(fill: Fill, reader: Reader): Promise<Read> {
  const { from } = reader
  const nothing = { from, bytes: Buffer.alloc(0), isComplete: false }
  for (let turns = 0; turns < reader.comesAfter; turns += 1) await turn()
  const isThere = await fill.answerable.catch(() => false)
  if (!isThere || fill.isOver) return nothing
  const source = fill.follow()
  const chunks: Buffer[] = []
  let position = from
  const read = (isComplete: boolean): Read => ({ from, bytes: Buffer.concat(chunks), isComplete })
  try {
    while (position - from < (reader.leavesAfter ?? Infinity)) {
      const available = source.available(position)
      if (available <= 0) {
        await source.arrived(position)
        if (source.available(position) <= 0) return read(true)
        continue
      }
      const chunk = Buffer.alloc(Math.min(available, 50_000))
      const length = readSync(source.fd, chunk, 0, chunk.length, position)
      chunks.push(chunk.subarray(0, length))
      position += length
      await turn()
    }
    return read(false)
  } catch {
    return read(false)
  } finally {
    source.release()
  }
}
