// A list that uses all of the language: what `explain` says of each line is what a slow evaluation
// selects, and what a run then fetches.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmLine, WarmSource } from '../../src/care/warm-job.ts'
import type { ListEntry } from '../../src/list/list-entry.ts'
import { parseList } from '../../src/list/parse-list.ts'
import { artifact, contentOf, described } from '../support/artifacts.ts'
import { buildImage, MEDIA_TYPES } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { slowSelection } from '../support/slow-selection.ts'
import type { SlowSelection } from '../support/slow-selection.ts'
import { Setting } from '../support/test-mirror.ts'
import { warm } from '../support/warm-run.ts'

const HUB = 'docker.io/library'
const two = buildImage({ seed: 'two', form: 'oci' })
const pinned = small('ghcr.io/org/app:1.0')

const MANY = Array.from({ length: 60 }, (_, index) => `1.${index}`).join(' ')
const UPSTREAM: Readonly<Record<string, string>> = {
  [`${HUB}/nginx`]:
    'latest mainline 1.24 1.25 1.25.3 1.25-alpine 1.26.0 1.26.1 1.26.1-alpine 1.27-rc1',
  [`${HUB}/redis`]: 'latest 6.2 7 7.0.5 7.2.4 7.2.4-alpine 7.4.0-alpine 7.4.1 7.4.1-alpine 8.0-rc1',
  [`${HUB}/postgres`]: '15 15.8 16 16.4 16.4-alpine 17beta1 17rc1',
  'docker.io/kindest/node': 'v1.9.11 v1.29.8 v1.30.4 v1.31.0 v1.31.0-rc.1 v1.32.0-alpha.1',
  [`${HUB}/pause`]: '3.1 3.8 3.9 3.10 3.10-windows',
  [`${HUB}/temurin`]: '17.0.1_1-jdk 21.0.2_7-jdk 21.0.2_13-jdk 21.0.3_9-jre',
  [`${HUB}/calendar`]: '2023.12.31 2024.01.05 2024.11.01 nightly-20241101',
  [`${HUB}/many`]: MANY,
  [`${HUB}/edge-only`]: 'edge stable',
  'ghcr.io/org/app': '1.0 1.1 nightly nightly-20240105',
  'ghcr.io/org/other': '4 5',
  'ghcr.io/org/deep/down': '1',
}

/** By clients, the latest last; what upstream no longer lists is taken away afterwards. */
const USED = [
  ...[`${HUB}/nginx:1.24`, `${HUB}/nginx:1.26.0`, `${HUB}/many:1.7`, `${HUB}/many:1.59`],
  ...[
    'ghcr.io/org/app:0.9',
    'ghcr.io/org/app:1.1',
    'ghcr.io/org/other:5',
    'ghcr.io/org/deep/down:1',
  ],
]
const GONE = 'ghcr.io/org/app:0.9'

const EXCLUDES = [
  { kind: 'glob', pattern: '*-rc*' },
  { kind: 'regex', pattern: '^nightly-' },
] as const
/** By what their names begin with. */
const BLOCKS: readonly (readonly [prefix: string, tags: string])[] = [
  [`${HUB}/`, '*-windows*'],
  [`${HUB}/nginx`, '1.24'],
]

const LIST = String.raw`
@defaults platforms=linux/amd64 keep=14d
@registry ghcr.io reserve=0 jobs=2 rps=1000 alias=gh.lan
@window   00:00-23:59 tz=UTC
@bandwidth 1GB/s
@exclude  *-rc* ^nightly-
!docker.io/library/*:*-windows*
!nginx:1.24
nginx                                         # latest, and what clients used
nginx:1.25,1.26*
nginx:1.24,mainline
nginx:1.2* not=*-alpine,1.26.1 max=20
nginx bare=daocloud
redis newest=2
redis:7.* newest=2 variant=alpine
redis variant="" semver=">=7.2 <8"
redis:7*,6.2 min=2 priority=low
redis:8* optional
postgres
postgres bare=versions not=17*
postgres:17* keep=pin
postgres:{15,16}* newest=1
docker.io/kindest/node:^v1\.3[01]\.
docker.io/kindest/node:/^v1\.(9|29)\./ priority=high
kindest/node semver=">=1.31.0-rc.1" newest=2
docker://pause semver=>=3.8 every=24h
https://docker.io/library/pause:3.1,3.10-windows every=never
temurin:21* newest=1 variant=jdk
calendar:20* newest=2 max-size=20GB
calendar bare=daocloud max=2
many:1.*
many:1.* newest=3 used=30d
many:1.2? min=20
ghcr.io/org/app:nightly* every=6h optional
ghcr.io/org/app bare=used used=7d
gh.lan/org/app:1.0@${pinned.top.digest} referrers=no
ghcr.io/org/*
two@${two.top.digest} platforms=linux/arm64
two:1 platforms=all referrers=yes
gone:1 optional
gone
edge-only
@include more.txt
edge-only bare=all
`
const MORE = `
@defaults bare=latest referrers=application/spdx+json
redis platforms=host
edge-only
`
const SOURCE: WarmSource = {
  name: 'mirror.txt',
  text: LIST,
  includes: [
    {
      line: LIST.split('\n').findIndex((line) => line.startsWith('@include')) + 1,
      list: { name: 'more.txt', text: MORE },
    },
  ],
}

/** An image of its own for each tag, so that what is fetched tells which. */
function small(name: string): Image {
  const [config, layer] = ['config', 'layer'].map((what) =>
    contentOf(Buffer.from(`${what} ${name}`)),
  )
  assert(config && layer)
  const json = {
    config: described(MEDIA_TYPES.oci.config, config),
    layers: [described(MEDIA_TYPES.oci.layer, layer)],
  }
  return artifact(json, { contents: [config, layer] })
}

function imagesUpstream(): ReadonlyMap<string, Image> {
  const images = new Map([
    [`${HUB}/two:1`, two],
    [SIGNATURE, small(SIGNATURE)],
    [GONE, small(GONE)],
  ])
  for (const [repository, tags] of Object.entries(UPSTREAM)) {
    for (const tag of tags.split(' ')) {
      images.set(`${repository}:${tag}`, small(`${repository}:${tag}`))
    }
  }
  return images
}

/** Of `two`, as cosign pushes it. */
const SIGNATURE = `${HUB}/two:${two.top.digest.replace(':', '-')}.sig`

function splitName(image: string): readonly [registry: string, name: string, tag: string] {
  const [, registry = '', name = '', tag = ''] = /^([^/]+)\/(.+):(.+)$/.exec(image) ?? []
  return [registry, name, tag]
}

async function started(images: ReadonlyMap<string, Image>): Promise<Setting> {
  const setting = await Setting.start()
  for (const [image, content] of images) {
    const [, name, tag] = splitName(image)
    setting.upstream.addImage(name, tag, content)
  }
  for (const image of USED) {
    const [registry, name, tag] = splitName(image)
    const path = registry === 'docker.io' ? name : `${registry}/${name}`
    const { status } = await setting.mirror.get(`/v2/${path}/manifests/${tag}`)
    assert.equal(status, 200, image)
  }
  const [, name, tag] = splitName(GONE)
  setting.upstream.tag(name, tag, undefined)
  setting.upstream.log.clear()
  return setting
}

/** A repository as the slow evaluation has it, by `docker.io/library/nginx`. */
interface World {
  readonly tags: ReadonlyMap<string, readonly string[]>
  readonly used: ReadonlyMap<string, readonly string[]>
}

function worldOf(images: ReadonlyMap<string, Image>): World {
  const grouped = (all: readonly string[]): ReadonlyMap<string, readonly string[]> => {
    const byName = Map.groupBy(all, (image) => image.slice(0, image.lastIndexOf(':')))
    return new Map(
      Array.from(byName, ([name, of]) => [name, of.map((image) => image.slice(name.length + 1))]),
    )
  }
  return {
    tags: grouped([...images.keys()].filter((image) => image !== GONE)),
    used: grouped(USED.toReversed()),
  }
}

/** Of a line: `docker.io/library/nginx:1.25 written`, and how many tags fall away for each reason. */
interface Explained {
  readonly line: string
  readonly images: readonly string[]
  readonly dropped: Readonly<Record<string, number>>
  readonly isProblem: boolean
}

function expected(entry: ListEntry, world: World): Explained {
  const name = canonical(entry.name)
  const isMany = name.endsWith('/*')
  const repositories = isMany
    ? [...world.used.keys()].filter((each) => isDirectlyUnder(name.slice(0, -1), each))
    : [name]
  const selections = repositories.map((each) => ({ each, of: selectionOf(entry, each, world) }))
  const [only] = selections
  return {
    line: entry.text,
    images: selections
      .flatMap(({ each, of }) => of.chosen.map((chosen) => referenceOf(entry, each, chosen)))
      .toSorted(),
    dropped: isMany ? {} : countsOf(only?.of.dropped ?? []),
    isProblem: !isMany && only?.of.fate !== 'fine' && entry.options.isOptional !== true,
  }
}

function selectionOf(entry: ListEntry, name: string, { tags, used }: World): SlowSelection {
  return slowSelection(
    entry,
    { tags: tags.get(name) ?? [], used: used.get(name) ?? [] },
    {
      excludes: EXCLUDES,
      blocks: BLOCKS.flatMap(([prefix, glob]) => (name.startsWith(prefix) ? glob : [])),
    },
  )
}

/** `chosen`: `1.25 written`, or a digest. */
function referenceOf({ selectors }: ListEntry, name: string, chosen: string): string {
  if (chosen.startsWith('sha256:')) return `${name}@${chosen}`
  const [tag = '', by = ''] = chosen.split(' ')
  const digest = selectors.flatMap((each) =>
    each.kind === 'tag' && each.tag === tag ? (each.digest ?? []) : [],
  )
  return `${name}:${tag}${digest.map((each) => `@${each}`).join('')} ${by}`
}

function canonical(name: string): string {
  const real = name.replace(/^gh\.lan\//, 'ghcr.io/')
  if (!real.includes('/')) return `${HUB}/${real}`
  return real.split('/')[0]?.includes('.') ? real : `docker.io/${real}`
}

function isDirectlyUnder(prefix: string, name: string): boolean {
  return name.startsWith(prefix) && !name.slice(prefix.length).includes('/')
}

function countsOf(dropped: readonly string[]): Readonly<Record<string, number>> {
  const reasons = dropped.map((each) => each.slice(each.lastIndexOf(' ') + 1))
  return Object.fromEntries(
    Array.from(
      Map.groupBy(reasons, (reason) => reason),
      ([reason, all]) => [reason, all.length],
    ),
  )
}

function said(line: WarmLine): Explained {
  return {
    line: line.text,
    images: line.images.map(({ reference, by }) => `${reference} ${by}`).toSorted(),
    dropped: Object.fromEntries(line.dropped.map(({ because, count }) => [because, count])),
    isProblem: line.problem !== undefined,
  }
}

async function explained(setting: Setting): Promise<readonly WarmLine[]> {
  const { rows } = await warm(setting.mirror, [], {
    ...{ sources: [SOURCE], mode: 'explain' as const, untilAt: Date.now() + 3_600_000 },
  })
  return rows.filter((row) => row.kind === 'line')
}

test('explain says of each line what a slow evaluation selects, and a run fetches just that', async () => {
  const images = imagesUpstream()
  const world = worldOf(images)
  await using setting = await started(images)
  const { entries, problems } = parseList(SOURCE)
  assert.deepEqual(problems, [])
  assert(entries.length >= 30)
  const plan = entries.map((entry) => expected(entry, world))

  const lines = await explained(setting)
  assert.deepEqual(lines.map(said), plan)
  for (const { dropped } of lines) {
    for (const { count, examples } of dropped) assert.equal(examples.length, Math.min(count, 5))
  }
  assert.deepEqual(setting.asked({ method: 'GET', path: /manifests|blobs/ }), [])

  const chosen = new Set(
    plan.flatMap((line) => line.images.map((each) => each.split(' ')[0] ?? '')),
  )
  const wanted = [...chosen, SIGNATURE].filter((each) => each !== GONE && each !== `${HUB}/gone:1`)
  const run = await warm(setting.mirror, [], {
    ...{ sources: [SOURCE], untilAt: Date.now() + 3_600_000 },
  })
  const { results } = run.report
  const whole = results.filter(({ status }) => status === 'warmed' || status === 'fresh')
  assert.deepEqual(whole.map(({ reference }) => reference).toSorted(), wanted.toSorted())
  assert.deepEqual(
    results.filter(({ status }) => status === 'failed').flatMap(({ places }) => places),
    entries.filter((_, at) => plan[at]?.isProblem).map(({ place }) => place),
  )
  const fetched = setting
    .asked({ method: 'GET', path: '/blobs/' })
    .map((line) => line.slice(line.lastIndexOf('/') + 1))
  const blobs = wanted.flatMap((reference) => [...(imageOf(reference, images)?.blobs.keys() ?? [])])
  assert.deepEqual(fetched.toSorted(), [...new Set(blobs)].toSorted(), 'each once')

  const after = await explained(setting)
  for (const line of after) {
    for (const { reference, status, missingBytes } of line.images) {
      if (!wanted.includes(reference)) continue
      assert.deepEqual([reference, status, missingBytes], [reference, 'fresh', 0])
    }
  }
  // Of what was told lately, or need never be told again.
  assert.deepEqual(setting.asked({ method: 'HEAD', path: /pause|nightly/ }), [])
})

/** `docker.io/library/nginx:1.25`, with or without its digest. */
function imageOf(reference: string, images: ReadonlyMap<string, Image>): Image | undefined {
  const [name = '', digest] = reference.split('@')
  return images.get(name) ?? [...images.values()].find(({ top }) => top.digest === digest)
}
