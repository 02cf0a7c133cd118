// A synthetic index of any size, as years of pulls would leave it: repositories of several registries,
// images of one and of two platforms, layers of their own and base layers that thousands share. The
// manifests are real bytes under their own digests; of the blobs only the rows are there.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import Database from 'better-sqlite3'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { migrate } from '../../src/store/migrations.ts'

export interface BigIndexOptions {
  readonly tags: number
  readonly tagsPerRepository?: number
}

export interface BigImage {
  readonly registry: string
  readonly name: string
  readonly tag: string
  readonly digest: string
}

export interface BigIndex {
  readonly tags: number
  readonly blobs: number
  // Some of them, spread over all repositories.
  readonly images: readonly BigImage[]
}

const REGISTRIES = ['docker.io', 'ghcr.io', 'quay.io', 'registry.k8s.io']
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const OWN_LAYERS = 6
const BASE_LAYERS = 2
const BASES = 400
const DAY_MS = 86_400_000
const SAMPLES = 500
const STAGED = ['manifest', 'edge', 'content', 'tag', 'blob'] as const

export function makeBigIndex(folder: string, options: BigIndexOptions): BigIndex {
  mkdirSync(folder, { recursive: true })
  const layout = layoutOf(folder)
  const database = new Database(layout.index)
  database.pragma('journal_mode = WAL')
  migrate(database, layout.index)
  try {
    return fill(database, options)
  } finally {
    database.close()
  }
}

// Rows are gathered unsorted and copied in key order, and indexes are made last: in the order of
// random digests each row would touch pages all over the file.
function fill(database: Database.Database, options: BigIndexOptions): BigIndex {
  const indexes = database
    .prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
    .all() as { name: string; sql: string }[]
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN')
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`)
  for (const table of STAGED) {
    database.exec(`CREATE TEMP TABLE new_${table} AS SELECT * FROM main.${table} WHERE 0`)
  }
  const made = addImages(new Writer(database), options)
  for (const table of STAGED) {
    database.exec(`INSERT OR IGNORE INTO main.${table} SELECT * FROM new_${table} ORDER BY 1, 2`)
    database.exec(`DROP TABLE new_${table}`)
  }
  for (const { sql } of indexes) database.exec(sql)
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  const { blobs } = database.prepare('SELECT count(*) AS blobs FROM blob').get() as BigIndex
  return { ...made, blobs }
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

class Writer {
  readonly #now = Date.now()
  readonly #statements: Record<(typeof STAGED)[number] | 'repository', Database.Statement>

  constructor(database: Database.Database) {
    const prepare = (text: string) => database.prepare(text)
    this.#statements = {
      repository: prepare(
        `INSERT INTO repository (registry, name, is_public, public_checked_at) VALUES (?, ?, 1, ?)`,
      ),
      manifest: prepare(`
        INSERT INTO new_manifest (digest, media_type, bytes, stored_at, used_at)
        VALUES (?, ?, ?, ?, ?)`),
      edge: prepare(`
        INSERT INTO new_edge (parent, position, child, kind, media_type, size, platform)
        VALUES (?, ?, ?, ?, ?, ?, ?)`),
      content: prepare(`
        INSERT INTO new_content (repository, digest, kind, size, is_claim, is_open)
        VALUES (?, ?, ?, ?, 0, 1)`),
      tag: prepare(`
        INSERT INTO new_tag (repository, name, digest, media_type, size, checked_at, changed_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)`),
      blob: prepare(`
        INSERT INTO new_blob (digest, size, stored_at, used_at, checked_at) VALUES (?, ?, ?, ?, ?)`),
    }
  }

  repository(registry: string, name: string): number {
    const { lastInsertRowid } = this.#statements.repository.run(registry, name, this.#now)
    return Number(lastInsertRowid)
  }

  blob(seed: string, mediaType: string, size: number, ageDays: number): Descriptor {
    const digest = `sha256:${createHash('sha256').update(seed).digest('hex')}`
    const storedAt = this.#now - Math.floor(ageDays * DAY_MS)
    this.#statements.blob.run(digest, size, storedAt, storedAt, storedAt)
    return { mediaType, digest, size }
  }

  manifest(
    repository: number,
    mediaType: string,
    listed: { readonly [field: string]: unknown },
    edges: readonly (Descriptor & { readonly kind: 'manifest' | 'blob' })[],
    ageDays: number,
  ): Descriptor {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...listed }))
    const digest = digestOf(bytes)
    const storedAt = this.#now - Math.floor(ageDays * DAY_MS)
    this.#statements.manifest.run(digest, mediaType, bytes, storedAt, storedAt)
    edges.forEach(({ kind, size, platform, ...edge }, position) => {
      const where = platform ? `${platform.os}/${platform.architecture}` : null
      const row = [digest, position, edge.digest, kind, edge.mediaType, size, where]
      this.#statements.edge.run(...row)
      if (kind === 'blob') this.#statements.content.run(repository, edge.digest, kind, size)
    })
    this.#statements.content.run(repository, digest, 'manifest', bytes.length)
    return { mediaType, digest, size: bytes.length }
  }

  tag(repository: number, name: string, { digest, mediaType, size }: Descriptor): void {
    const row = [repository, name, digest, mediaType, size, this.#now, this.#now]
    this.#statements.tag.run(...row)
  }
}

function addImages(writer: Writer, { tags, tagsPerRepository = 50 }: BigIndexOptions) {
  const images: BigImage[] = []
  for (let made = 0; made < tags;) {
    const number = Math.floor(made / tagsPerRepository)
    const registry = REGISTRIES[number % REGISTRIES.length] as string
    const name = `team-${number % 97}/app-${number}`
    const repository = writer.repository(registry, name)
    for (let n = 0; n < tagsPerRepository && made < tags; n += 1, made += 1) {
      const tag = `1.${n}.0`
      const image = addImage(writer, repository, made)
      writer.tag(repository, tag, image)
      if (made % Math.ceil(tags / SAMPLES) === 0) {
        images.push({ registry, name, tag, digest: image.digest })
      }
    }
  }
  return { tags, images }
}

// Three of five images have two platforms.
function addImage(writer: Writer, repository: number, number: number): Descriptor {
  const architectures = number % 5 < 3 ? ['amd64', 'arm64'] : ['amd64']
  const ageDays = 1 + ((number * 7919) % 3000) / 10
  const platforms = architectures.map((architecture) => {
    const seed = `${number} ${architecture}`
    const base = (number * 31) % BASES
    const config = writer.blob(`${seed} config`, CONFIG, 4000 + (number % 3000), ageDays)
    const bases = Array.from({ length: BASE_LAYERS }, (_, n) =>
      writer.blob(`base ${base} ${architecture} ${n}`, LAYER, 2 ** 25 + base * 1000, 300),
    )
    const own = Array.from({ length: OWN_LAYERS }, (_, n) =>
      writer.blob(`${seed} ${n}`, LAYER, 2 ** (8 + ((number + n * 5) % 18)), ageDays),
    )
    const layers = [...bases, ...own]
    const edges = [config, ...layers].map((each) => ({ ...each, kind: 'blob' as const }))
    const made = writer.manifest(repository, OCI_MANIFEST, { config, layers }, edges, ageDays)
    return { ...made, platform: { os: 'linux', architecture } }
  })
  const [only] = platforms
  if (platforms.length === 1 && only) return only
  const edges = platforms.map((each) => ({ ...each, kind: 'manifest' as const }))
  return writer.manifest(repository, OCI_INDEX, { manifests: platforms }, edges, ageDays)
}
