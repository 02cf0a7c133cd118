// Disks that are full, and disks that fail: whatever the system answers, every pull succeeds.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { RESERVE_BYTES } from '../../src/store/reserve.ts'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { Skopeo } from '../support/skopeo.ts'
import { mountDisk } from '../support/small-disk.ts'
import { checkStore, publishedPath } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'

const MIB = 2 ** 20
const BLOCK_BYTES = 512 // of what stat tells
const DISK_MIB = 64
const NEEDS_MOUNT = { skip: unavailable('mount', 'umount', 'skopeo', 'unshare') }
const NEEDS_STRACE = { skip: unavailable('strace') }

function fill(folder: string, name = 'ballast'): void {
  const { bavail, bsize } = statfsSync(folder)
  try {
    writeFileSync(path.join(folder, name), Buffer.alloc(bavail * bsize))
  } catch {
    // It ends where the disk does.
  }
  assert.equal(statfsSync(folder).bavail, 0)
}

function imageOf(name: string, layerMiB: number): Image {
  const form = 'oci'
  return buildImage({
    seed: `${name} ${seed}`,
    form,
    architectures: ['amd64'],
    bigLayers: 1,
    bigLayerMiB: layerMiB,
  })
}

async function pullRaw(mirror: RegMirror, name: string, image: Image): Promise<void> {
  const repository = `library/${name}`
  await using top = await rawRequest(mirror.manifestUrl('docker.io', repository, '1'))
  const manifest = await top.body()
  assert.ok(manifest.equals(image.manifests.get(image.top.digest)?.bytes ?? Buffer.alloc(0)), name)
  for (const digest of image.blobs.keys()) {
    await using response = await rawRequest(mirror.blobUrl('docker.io', repository, digest))
    const { ending, sha256 } = await response.take({ hash: true })
    const what = `${name} ${digest}: ${response.status} ${ending}\n${mirror.program.report()}`
    assert.deepEqual([ending, sha256], ['complete', digest], what)
  }
}

async function assertAnswers(mirror: RegMirror): Promise<void> {
  await using response = await rawRequest(`${mirror.url}/healthz`)
  assert.equal(response.status, 200)
}

test(
  'images worth many times the disk are all pulled, and small ones are served from it',
  { ...NEEDS_MOUNT, timeout: 240_000 },
  async (t) => {
    const dataFolder = mountDisk(t, DISK_MIB)
    await using upstream = await ScriptedUpstream.start()
    await using mirror = await RegMirror.start({
      registries: { 'docker.io': upstream.url },
      dataFolder,
      args: ['--log-level', 'debug'],
    })
    await using skopeo = await Skopeo.start({ url: mirror.url, prefix: (registry) => registry })
    // With REGMIRROR_CAMPAIGN=2 some 500 MiB.
    const sizes = [8, 40, 8, 100, 8, 40, 8].flatMap((mebibytes) =>
      Array.from({ length: mebibytes === 8 ? campaign(1) * 2 : campaign(1) }, () => mebibytes),
    )
    const images = sizes.map((mebibytes, n) => {
      const image = imageOf(`tmpfs ${n}`, mebibytes)
      upstream.addImage(`library/app${n}`, '1', image)
      return { name: `app${n}`, image }
    })
    const pull = async (n: number): Promise<void> => {
      const each = images[n]
      if (!each) return
      if (n % 3 === 0) await skopeo.pull(`docker.io/library/${each.name}:1`)
      else await pullRaw(mirror, each.name, each.image)
      await assertAnswers(mirror)
    }
    // Two at a time, each other one a step behind.
    for (let n = 0; n < images.length; n += 1) await Promise.all([pull(n), pull(n - 1)])

    const last = imageOf('the last', 4)
    upstream.addImage('library/last', '1', last)
    await pullRaw(mirror, 'last', last)
    for (const digest of last.blobs.keys()) {
      await mirror.program.waitForLine(new RegExp(`${digest} published`))
    }
    upstream.log.clear()
    await pullRaw(mirror, 'last', last)
    assert.deepEqual(upstream.log.find({ path: '/blobs/' }), [])

    await t.test('it starts on a disk without a free byte, and serves what it has', async () => {
      assert.equal((await mirror.stop()).code, 0)
      fill(dataFolder)
      await mirror.restart()
      upstream.log.clear()
      await pullRaw(mirror, 'last', last)
      assert.deepEqual(upstream.log.find({ path: '/blobs/' }), [])
      const cold = imageOf('cold', 20)
      upstream.addImage('library/cold', '1', cold)
      await pullRaw(mirror, 'cold', cold)
      await assertAnswers(mirror)
    })

    await t.test('images are removed from the full disk, and then it stores again', async () => {
      // The pull has made room meanwhile. And what the index grew into by then is gone after a stop.
      assert.equal((await mirror.stop()).code, 0)
      fill(dataFolder, 'more ballast')
      await mirror.restart()
      fill(dataFolder, 'the rest')
      const rm = new Program(binaryPath(), ['rm', 'docker.io/library/*', '--data', dataFolder])
      const { code } = await rm.exited
      assert.equal(code, 0, rm.report())
      assert.ok(statfsSync(dataFolder).bavail > 0)
      const reserveBytes = (): number =>
        statSync(path.join(dataFolder, 'index.reserve')).blocks * BLOCK_BYTES
      // Not where the index had pages left to write into.
      t.diagnostic(`the reserve was ${reserveBytes() === 0 ? 'needed' : 'not needed'} for removing`)
      rmSync(path.join(dataFolder, 'more ballast'))
      const again = imageOf('again', 4)
      upstream.addImage('library/again', '1', again)
      const isStored = async (): Promise<boolean> => {
        upstream.log.clear()
        await pullRaw(mirror, 'again', again)
        return upstream.log.find({ path: '/blobs/' }).length === 0
      }
      await waitUntil(isStored, {
        what: 'the image to be stored',
        timeoutMs: 60_000,
        everyMs: 1000,
      })
      assert.ok(reserveBytes() >= RESERVE_BYTES, 'it is kept for the next time again')
    })
    await mirror.stop()
    checkStore(dataFolder, new Map())
  },
)

test(
  'serve says which file a full disk keeps it from writing',
  { ...NEEDS_MOUNT, timeout: 60_000 },
  async (t) => {
    const folder = mountDisk(t, 1)
    fill(folder)
    const program = new Program(binaryPath(), [
      'serve',
      '--data',
      folder,
      '--listen',
      '127.0.0.1:0',
    ])
    const { code } = await program.exited
    assert.equal(code, 2, program.report())
    assert.match(
      program.stderr,
      /cannot write \S+\/native\/better_sqlite3\S+, .*disk is full; free/,
    )
  },
)

interface Faults {
  readonly calls: string
  readonly error: 'EIO' | 'ENOSPC'
  // Nothing is in memory yet, and where it stops, that fails too.
  readonly throughout?: boolean
  // Bytes lie where they go, of which no note tells: a new file needs no cutting.
  readonly isLeft?: boolean
  // Of an image that is stored, and of one that is not.
  readonly files: (folder: string, stored: string, cold: string) => readonly string[]
}

const staged = (folder: string, _: string, cold: string): string[] => [
  path.join(folder, 'staging', cold.replace(':', '-')),
]
const note = (folder: string, _: string, cold: string): string[] => [
  path.join(folder, 'staging', `${cold.replace(':', '-')}.json`),
]
const stored = (folder: string, digest: string): string[] => [publishedPath(folder, digest)]
const published = (folder: string, _: string, cold: string): string[] => [
  publishedPath(folder, cold),
]
const publishedFolder = (folder: string, _: string, cold: string): string[] => [
  path.dirname(publishedPath(folder, cold)),
]
const index = (folder: string): string[] =>
  ['index.db', 'index.db-wal', 'index.db-shm'].map((name) => path.join(folder, name))

const FAULTS: Readonly<Record<string, Faults>> = {
  'making a staged file': { calls: 'openat', error: 'ENOSPC', files: staged },
  'making its note': { calls: 'openat', error: 'ENOSPC', files: note },
  'writing a staged file, full': { calls: 'pwritev,pwrite64', error: 'ENOSPC', files: staged },
  'writing a staged file': { calls: 'pwritev,pwrite64', error: 'EIO', files: staged },
  'writing its note': { calls: 'pwritev,pwrite64', error: 'EIO', files: note },
  'reading a staged file': { calls: 'pread64', error: 'EIO', files: staged },
  'cutting a staged file': { calls: 'ftruncate', error: 'EIO', files: staged, isLeft: true },
  'syncing a staged file': { calls: 'fdatasync,fsync', error: 'EIO', files: staged },
  'making the folder of a published file': {
    calls: 'mkdir,mkdirat',
    error: 'ENOSPC',
    files: publishedFolder,
  },
  'moving a staged file': { calls: 'rename,renameat,renameat2', error: 'EIO', files: staged },
  'syncing the folder of a published file': {
    calls: 'fdatasync,fsync',
    error: 'EIO',
    files: publishedFolder,
  },
  'removing a note': { calls: 'unlink,unlinkat', error: 'EIO', files: note },
  'opening what was published just now': { calls: 'openat', error: 'EIO', files: published },
  'opening a stored file': { calls: 'openat', error: 'EIO', files: stored },
  'looking at a stored file': { calls: 'statx,fstat,newfstatat', error: 'EIO', files: stored },
  'reading a stored file': { calls: 'pread64', error: 'EIO', files: stored },
  'reading the index': { calls: 'pread64', error: 'EIO', files: index, throughout: true },
  'writing the index, full': { calls: 'pwrite64', error: 'ENOSPC', files: index },
  'writing the index': { calls: 'pwrite64', error: 'EIO', files: index },
  'syncing the index': { calls: 'fdatasync,fsync', error: 'EIO', files: index, throughout: true },
}

// Others with every seed; with REGMIRROR_CAMPAIGN=3 all of them.
const all = Object.entries(FAULTS)
const chosen = all.map((_, n) => all[(n * 7 + seed) % all.length]).slice(0, campaign(7))

for (const [what, faults] of chosen.flatMap((each) => (each ? [each] : []))) {
  test(`${faults.error} at ${what}: pulls go on`, NEEDS_STRACE, async () => {
    await using upstream = await ScriptedUpstream.start()
    await using mirror = await RegMirror.start({
      registries: { 'docker.io': upstream.url },
      args: ['--log-level', 'debug'],
    })
    const warm = imageOf(`warm ${what}`, 2)
    const cold = imageOf(`cold ${what}`, 2)
    upstream.addImage('library/warm', '1', warm)
    upstream.addImage('library/cold', '1', cold)
    await pullRaw(mirror, 'warm', warm)
    for (const digest of warm.blobs.keys()) {
      await mirror.program.waitForLine(new RegExp(`${digest} published`))
    }

    if (faults.throughout) {
      await mirror.stop()
      await mirror.restart()
    }
    if (faults.isLeft) {
      for (const file of faults.files(mirror.dataFolder, layerOf(warm), layerOf(cold))) {
        writeFileSync(file, 'left by a crash')
      }
    }
    await using temp = new TempFolder('strace')
    const said = temp.join('said')
    await using strace = await injecting(mirror, faults, layerOf(warm), layerOf(cold), said)
    for (const _ of [1, 2]) {
      await pullRaw(mirror, 'cold', cold)
      await pullRaw(mirror, 'warm', warm)
    }
    await assertAnswers(mirror)
    if (faults.throughout) await mirror.stop()
    await strace.stop('SIGINT')
    if (faults.throughout) await mirror.restart()
    assert.match(readFileSync(said, 'utf8'), /INJECTED/, 'nothing has failed')
    await pullRaw(mirror, 'cold', cold)
    await mirror.stop()
    checkStore(mirror.dataFolder, new Map([...warm.blobs, ...cold.blobs]))
  })
}

// Resolves once the running mirror is under it.
async function injecting(
  { program, dataFolder }: RegMirror,
  { calls, error, files }: Faults,
  warm: string,
  cold: string,
  said: string,
): Promise<Program> {
  const paths = files(dataFolder, warm, cold).flatMap((file) => ['-P', file])
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`]
  const args = ['-f', '-o', said, ...inject, ...paths, '-p', String(program.pid)]
  const strace = new Program('strace', args)
  await strace.waitForLine(/ attached/)
  return strace
}

function layerOf(image: Image): string {
  const [largest] = [...image.blobs.values()].toSorted((one, two) => two.size - one.size)
  assert.ok(largest && largest.size > MIB)
  return largest.digest
}
