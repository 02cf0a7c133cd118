// What must hold of a data folder that no mirror has open, whatever happened before: names tell the
// truth about published content, notes about staged content, and the index about both.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  globSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { describeManifest, MANIFEST_BYTES_MAX } from '../../src/oci/manifest.ts'
import { INCOMING, layoutOf } from '../../src/store/layout.ts'
import { decodeNote } from '../../src/store/staging-note.ts'
import { readAll } from './content.ts'
import type { Content } from './content.ts'

const OPENING_BRACE = 0x7b

export interface StoreCheck {
  readonly except?: ReadonlySet<string> // published content that was checked before
  readonly powerFailed?: boolean // only what was synced can be held against it
}

// `contents`: the right bytes of staged content, by digest, as far as the test knows them.
export function checkStore(
  folder: string,
  contents: ReadonlyMap<string, Content>,
  { except = new Set(), powerFailed = false }: StoreCheck = {},
): void {
  for (const digest of publishedFiles(folder)) {
    if (!except.has(digest)) checkPublished(folder, digest)
  }
  checkStaged(folder, contents, powerFailed)
  checkIndex(folder)
}

// Of the content under blobs/, without the manifests that are kept beside it.
export function publishedDigests(folder: string): string[] {
  return publishedFiles(folder).filter((digest) => !isManifest(publishedPath(folder, digest)))
}

function isManifest(file: string): boolean {
  if (statSync(file).size > MANIFEST_BYTES_MAX) return false
  const bytes = readFileSync(file)
  if (bytes[0] !== OPENING_BRACE) return false
  try {
    return describeManifest(bytes, undefined).mediaType !== ''
  } catch {
    return false
  }
}

// Of everything under blobs/, by name.
export function publishedFiles(folder: string): string[] {
  const { blobs } = layoutOf(folder)
  return globSync('**', { cwd: blobs, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const [algorithm, prefix, ...others] = path.relative(blobs, entry.parentPath).split(path.sep)
      assert.deepEqual(others, [])
      assert.equal(prefix, entry.name.slice(0, 2))
      return `${algorithm}:${entry.name}`
    })
    .sort()
}

// Of downloads; manifests are only passing through, and what a crash left of them is thrown away when
// the folder is opened.
export function stagedNames(folder: string): string[] {
  const names = globSync('*', { cwd: layoutOf(folder).staging }).sort()
  return names.filter((name) => !name.endsWith(INCOMING))
}

export function quarantinedNames(folder: string): string[] {
  return globSync('*', { cwd: layoutOf(folder).quarantine }).sort()
}

export function publishedPath(folder: string, digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':')
  return path.join(layoutOf(folder).blobs, algorithm, hex.slice(0, 2), hex)
}

// Every repository of which the index knows anything.
export function knownRepositories(folder: string): string[] {
  const index = new Database(path.join(folder, 'index.db'), { readonly: true })
  try {
    return index.prepare('SELECT name FROM repository ORDER BY name').pluck().all() as string[]
  } finally {
    index.close()
  }
}

function checkPublished(folder: string, digest: string): void {
  const [algorithm = '', hex] = digest.split(':')
  const bytes = readFileSync(publishedPath(folder, digest))
  assert.equal(createHash(algorithm).update(bytes).digest('hex'), hex, `${digest} is stored wrong`)
}

function checkStaged(
  folder: string,
  contents: ReadonlyMap<string, Content>,
  powerFailed: boolean,
): void {
  const { staging } = layoutOf(folder)
  const names = stagedNames(folder)
  for (const name of names.filter((each) => !each.endsWith('.json'))) {
    assert.ok(names.includes(`${name}.json`), `staged ${name} has no note`)
    const note = decodeNote(readFileSync(path.join(staging, `${name}.json`)))?.note
    if (note === undefined) continue // made and not written yet
    const file = path.join(staging, name)
    const content = contents.get(name.replace('-', ':'))
    if (content && note.totalBytes !== undefined) assert.equal(note.totalBytes, content.size)
    for (const { start, end } of powerFailed ? note.synced : note.written) {
      assert.ok(end <= statSync(file).size, `staged ${name} is shorter than its note says`)
      if (!content) continue
      const found = readSlice(file, start, end)
      assert.ok(found.equals(readAll(content, start, end)), `staged ${name} has wrong bytes`)
    }
  }
}

function readSlice(file: string, start: number, end: number): Buffer {
  const fd = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(end - start)
    assert.equal(readSync(fd, bytes, 0, bytes.length, start), bytes.length)
    return bytes
  } finally {
    closeSync(fd)
  }
}

function checkIndex(folder: string): void {
  const { index } = layoutOf(folder)
  if (!existsSync(index)) return
  const database = new Database(index, { readonly: true })
  try {
    assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
    assert.deepEqual(database.pragma('foreign_key_check'), [])
    // Of an index made just before the power failed not even the tables may be left.
    if (database.pragma('user_version', { simple: true }) === 0) return
    const blobs = database.prepare('SELECT digest, size FROM blob').all() as {
      digest: string
      size: number
    }[]
    assert.deepEqual(database.prepare('SELECT blobs, bytes FROM blob_total').get(), {
      blobs: blobs.length,
      bytes: blobs.reduce((sum, { size }) => sum + Math.ceil(size / 4096) * 4096, 0),
    })
    for (const { digest, size } of blobs) {
      const file = publishedPath(folder, digest)
      assert.ok(existsSync(file), `${digest} is in the index but not on disk`)
      assert.equal(statSync(file).size, size, `${digest} is on disk in another size`)
    }
    const manifests = database.prepare('SELECT digest, bytes FROM manifest').all() as {
      digest: string
      bytes: Uint8Array
    }[]
    for (const { digest, bytes } of manifests) {
      const [algorithm = '', hex] = digest.split(':')
      assert.equal(createHash(algorithm).update(bytes).digest('hex'), hex)
    }
  } finally {
    database.close()
  }
}
