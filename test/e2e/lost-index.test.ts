// An index that is lost or damaged, met first by a command without a server: what is held is known again
// before the command looks, and whoever typed it is told.
import assert from 'node:assert/strict'
import { openSync, rmSync, writeSync, closeSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { binaryPath } from '../support/binary.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { quarantinedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const PAGE_BYTES = 4096
const image = buildImage({ seed: 'lost index', form: 'oci', smallLayers: 2 })

async function startPulled(): Promise<{ readonly setting: Setting; readonly index: string }> {
  const setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', image)
  await pullWhole(setting.mirror, 'app', '1', image)
  await stored(setting.mirror, image)
  await setting.mirror.stop()
  return { setting, index: path.join(setting.mirror.folder, 'index.db') }
}

async function run(setting: Setting, ...args: string[]): Promise<Program> {
  const program = new Program(binaryPath(), [...args, '--data', setting.mirror.folder])
  const { code } = await program.exited
  assert.equal(code, 0, program.report())
  return program
}

function garble(index: string, name: string): void {
  const database = new Database(index, { readonly: true })
  const rows = database.prepare('SELECT pageno FROM dbstat WHERE name = ?').pluck().all(name)
  database.close()
  const fd = openSync(index, 'r+')
  for (const page of rows as number[]) {
    writeSync(fd, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES)
  }
  closeSync(fd)
}

test('ls without an index makes it again first, and tells that the names are lost', async () => {
  const { setting, index } = await startPulled()
  await using _ = setting
  rmSync(index)
  const first = await run(setting, 'ls')
  assert.match(first.stderr, /there is no index: a new one is made from what is stored/)
  assert.match(first.stderr, /the index is made again: 0 rows of the old one, \d+ files taken over/)
  assert.match(first.stderr, /MiB are held whose names were lost; they come back when pulled/)
  const second = await run(setting, 'ls')
  assert.doesNotMatch(second.stderr, /made/)
  assert.match(second.stderr, /whose names were lost/)
})

test('verify without an index counts what is stored as right, not as unknown', async () => {
  const { setting, index } = await startPulled()
  await using _ = setting
  rmSync(index)
  const verify = await run(setting, 'verify', '--deep')
  assert.match(verify.stderr, /a new one is made from what is stored/)
  assert.match(verify.stderr, /checked \d+ blobs .*: all is well/)
  assert.equal(verify.stdout, '')
})

test('with an index that is damaged ls lists what could be read, and says where the old one lies', async () => {
  const { setting, index } = await startPulled()
  await using _ = setting
  garble(index, 'blob')
  const verify = new Program(binaryPath(), ['verify', '--data', setting.mirror.folder])
  assert.equal((await verify.exited).code, 1, verify.report())
  assert.match(verify.stderr, /the index is damaged .*: restart regmirror/)

  const ls = await run(setting, 'ls')
  const [kept = ''] = quarantinedNames(setting.mirror.folder).filter((name) => name.endsWith('.db'))
  assert.match(kept, /^index-/)
  assert.ok(ls.stderr.includes(path.join('quarantine', kept)), ls.report())
  assert.match(ls.stdout, /docker\.io\/library\/app:1 /)
  assert.doesNotMatch((await run(setting, 'ls')).stderr, /made again/)
})
