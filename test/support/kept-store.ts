// A real store in a folder of its own, with content in it and what takes care of it, without a mirror.
import { Evictor } from '../../src/care/evictor.ts'
import { Integrity } from '../../src/care/integrity.ts'
import type { BadRow, JobProgress, Talk } from '../../src/care/jobs.ts'
import { Ledger } from '../../src/care/ledger.ts'
import { ManifestFiles } from '../../src/care/manifest-files.ts'
import { verifyJob } from '../../src/care/verify.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { openStore } from '../../src/store/store.ts'
import type { Store } from '../../src/store/store.ts'
import { ScriptedRoom } from './scripted-room.ts'
import { publishedPath } from './store-invariants.ts'
import { TempFolder } from './temp-folder.ts'

export class KeptStore implements AsyncDisposable {
  readonly folder: TempFolder
  readonly store: Store
  readonly integrity: Integrity
  readonly manifests: ManifestFiles
  readonly brokenDownloads: Evictor['withoutBroken']
  readonly damaged: Digest[] = []
  now = 1000

  private constructor(folder: TempFolder, store: Store) {
    this.folder = folder
    this.store = store
    const { index, blobs, hasher } = store
    const room = new ScriptedRoom()
    const parts = { index, store: blobs, hasher, room, now: () => this.now }
    this.integrity = new Integrity({ ...parts, damaged: (digest) => this.damaged.push(digest) })
    this.manifests = new ManifestFiles(parts)
    const ledger = new Ledger(index, blobs)
    const evictor = new Evictor({ ...parts, ledger, flushUses: () => Promise.resolve() })
    this.brokenDownloads = () => evictor.withoutBroken()
  }

  static async open(): Promise<KeptStore> {
    const folder = new TempFolder('kept')
    return new KeptStore(folder, await openStore(folder.path, 1))
  }

  // Published with its row, as a download leaves it.
  async add(bytes: Buffer): Promise<Digest> {
    const digest = digestOf(bytes)
    const stamp = await this.store.blobs.put(digest, bytes)
    const row = { sizeBytes: bytes.length, stamp, storedAt: this.now }
    await this.store.index.publishBlob(digest, row)
    return digest
  }

  pathOf(digest: Digest): string {
    return publishedPath(this.folder.path, digest)
  }

  async verify(isDeep: boolean, signal = new AbortController().signal, onProgress = () => {}) {
    const rows: BadRow[] = []
    const progress: JobProgress[] = []
    const talk: Talk<BadRow> = {
      signal,
      progress: (each) => {
        progress.push(each)
        onProgress()
      },
      rows: async (batch) => void rows.push(...batch),
    }
    const { index, blobs: store } = this.store
    const { integrity, manifests, brokenDownloads } = this
    const job = verifyJob({ index, store, integrity, manifests, brokenDownloads })
    return { answer: await job({ isDeep }, talk), rows, progress }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    await this.folder.close()
  }
}
