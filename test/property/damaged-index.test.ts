// Whatever pages of the index are damaged, and wherever it is cut: pulls succeed with the right bytes,
// and one restart later the index is sound again.
import { closeSync, cpSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { readAll, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { campaign, seed } from '../support/seed.ts'
import { checkStore } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Setting } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const PAGE_BYTES = 4096
const OUTCOME = /^(the index is damaged|the index is made again:|the store was checked)/
const images = ['one', 'two'].map((name) => ({
  name,
  image: buildImage({ seed: name, form: 'oci', smallLayers: 1 }),
}))

const damages = fc.record({
  // Where, as a share of the file.
  pages: fc.uniqueArray(fc.double({ min: 0, max: 0.999, noNaN: true }), {
    minLength: 1,
    maxLength: 6,
  }),
  fill: fc.constantFrom('noise', 'zeroes'),
  cutAt: fc.option(fc.double({ min: 0.05, max: 0.95, noNaN: true }), { nil: undefined, freq: 4 }),
})

test('whatever is damaged in the index, pulls bring the right bytes', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  await using template = new TempFolder('template')
  const pullAll = async (): Promise<void> => {
    for (const { name, image } of images) await pullWhole(mirror, name, '1', image)
  }
  for (const { name, image } of images) upstream.addImage(`library/${name}`, '1', image)
  await pullAll()
  for (const { image } of images) await stored(mirror, image)
  await mirror.stop()
  cpSync(mirror.folder, template.path, { recursive: true })

  const property = fc.asyncProperty(damages, async (damage) => {
    await mirror.stop()
    rmSync(mirror.folder, { recursive: true })
    cpSync(template.path, mirror.folder, { recursive: true })
    const file = path.join(mirror.folder, 'index.db')
    leaveOpen(file)
    spoil(file, damage)
    mirror.lines.length = 0
    await mirror.restart()
    await pullAll()
    await mirror.logged(OUTCOME)
    // What was damaged is made again by this start, and what was lost comes back.
    await mirror.restart()
    await pullAll()
    await mirror.stop()
    checkStore(mirror.folder, new Map())
  })
  await fc.assert(property, { seed, numRuns: campaign(8) })
})

// As a mirror that was killed leaves it.
function leaveOpen(file: string): void {
  const index = new Database(file)
  index.prepare(`INSERT INTO state (name, value) VALUES ('open', '1')`).run()
  index.close()
}

function spoil(
  file: string,
  { pages, fill, cutAt }: typeof damages extends fc.Arbitrary<infer Value> ? Value : never,
): void {
  const count = statSync(file).size / PAGE_BYTES
  const noise = readAll(seededContent(`noise ${String(pages)}`, PAGE_BYTES))
  const bytes = fill === 'noise' ? noise : Buffer.alloc(PAGE_BYTES)
  const fd = openSync(file, 'r+')
  for (const share of pages) {
    writeSync(fd, bytes, 0, PAGE_BYTES, Math.floor(share * count) * PAGE_BYTES)
  }
  closeSync(fd)
  if (cutAt !== undefined) truncateSync(file, Math.floor(cutAt * count * PAGE_BYTES))
}
