// What `stats` will tell: exact numbers after a script of pulls.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { REVALIDATE_ALWAYS, Setting } from '../support/test-mirror.ts'
import type { TestMirror } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const image = buildImage({ seed: 'counts', form: 'oci', architectures: ['arm64'] })
const { size: manifestBytes } = image.top
const TAG = '/v2/app/manifests/latest'

// Stops the mirror: what it has counted is then in its index.
async function counted(mirror: TestMirror): Promise<Record<string, unknown>[]> {
  await mirror.stop()
  const database = new Database(join(mirror.folder, 'index.db'), { readonly: true })
  try {
    const rows = database.prepare('SELECT * FROM pull_count ORDER BY registry').all()
    return rows as Record<string, unknown>[]
  } finally {
    database.close()
  }
}

function totals(row: Record<string, unknown> | undefined) {
  const { hits, joins, misses, stale, served_bytes: served, fetched_bytes: fetched } = row ?? {}
  return { hits, joins, misses, stale, served, fetched }
}

test('hits, misses and their bytes are counted per registry; questions are not', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  for (const name of ['library/app', 'org/app']) upstream.addImage(name, 'latest', image)
  const [[layer, { size: layerBytes }] = ['', { size: 0 }]] = image.blobs
  const blob = `/v2/app/blobs/${layer}`
  await mirror.get(TAG) // miss
  await mirror.get(TAG) // hit
  await mirror.head(TAG)
  await mirror.head(blob)
  await mirror.get(blob) // miss
  await mirror.published(layer)
  await mirror.get(blob) // hit
  await mirror.get(blob, { range: 'bytes=0-9' }) // hit
  await mirror.get(blob, { 'if-none-match': `"${layer}"` }) // hit, of no bytes
  await mirror.get('/v2/app/manifests/missing')
  // Held already: a HEAD confirms that this registry has it too, and nothing is fetched.
  await mirror.get(`/v2/ghcr.io/org/app/manifests/${image.top.digest}`)
  const rows = await counted(mirror)
  assert.deepEqual(
    rows.map(({ registry }) => registry),
    ['docker.io', 'ghcr.io'],
  )
  assert.deepEqual(totals(rows[0]), {
    ...{ hits: 4, joins: 0, misses: 2, stale: 0 },
    served: 2 * manifestBytes + 2 * layerBytes + 10,
    fetched: manifestBytes + layerBytes,
  })
  const { served, fetched } = totals(rows[1])
  assert.deepEqual([served, fetched], [manifestBytes, 0])
  assert.match(String(rows[0]?.['day']), /^\d{4}-\d\d-\d\d$/)
})

test('who joins a download is counted as that, and the bytes once as fetched', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  const content = heldContent(seededContent('joined', 2 * MIB))
  upstream.addBlob('library/app', content)
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: 0 } } })
  const pulls = Array.from({ length: 5 }, () => mirror.get(`/v2/app/blobs/${content.digest}`))
  await setting.mirrorRuns(5)
  await setting.upstreamAsked(1)
  upstream.release()
  await Promise.all(pulls)
  const [row] = await counted(mirror)
  assert.deepEqual(totals(row), {
    ...{ hits: 0, joins: 4, misses: 1, stale: 0 },
    served: 5 * content.size,
    fetched: content.size,
  })
})

test('an answer from memory for want of upstream is stale, a confirmed one is a hit', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { mirror, upstream } = setting
  upstream.addImage('library/app', 'latest', image)
  await mirror.get(TAG) // miss
  await mirror.get(TAG) // confirmed by HEAD
  upstream.script({ reply: status(500) })
  await mirror.get(TAG)
  const [row] = await counted(mirror)
  assert.deepEqual(totals(row), {
    ...{ hits: 1, joins: 0, misses: 1, stale: 1 },
    ...{ served: 3 * manifestBytes, fetched: manifestBytes },
  })
})

test('counts of one day add up over restarts', async () => {
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  upstream.addImage('library/app', 'latest', image)
  await mirror.get(TAG)
  await mirror.restart()
  await mirror.get(TAG)
  const rows = await counted(mirror)
  const sum = (name: string): number => rows.reduce((total, row) => total + Number(row[name]), 0)
  assert.deepEqual([sum('misses'), sum('hits'), sum('served_bytes')], [1, 1, 2 * manifestBytes])
})
