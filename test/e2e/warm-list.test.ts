// A night's list over three real registries: what becomes of each line, what it costs upstream, and
// that all of it is there when they are gone.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { artifact, contentOf, described } from '../support/artifacts.ts'
import { unavailable } from '../support/client-tools.ts'
import { buildImage } from '../support/images.ts'
import type { Image, ImageOptions } from '../support/images.ts'
import { formsOf } from '../support/no-secrets.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Upstreams } from '../support/upstreams.ts'
import { WarmCommand } from '../support/warm-command.ts'
import type { WarmEnd } from '../support/warm-command.ts'

const USER = 'robot'
const PASSWORD = 'robots-own-word'
const SECRETS = formsOf(USER, PASSWORD)
const PRIVATE = 'ghcr.io/team/closed:1'
const ARM_ONLY = 'quay.io/acme/tool:1'
const PULLS_AT_ONCE = 4

const skip = unavailable('docker-registry', 'openssl') ?? Skopeo.unavailable() ?? false

// By repository and tag: the three registries are three doors to the same content.
const images = new Map<string, Image>()
function add(repository: string, tags: readonly string[], options: Partial<ImageOptions> = {}) {
  for (const tag of tags) {
    const image = buildImage({ seed: `${repository}:${tag}`, form: 'oci', ...options })
    images.set(`${repository}:${tag}`, image)
  }
}
add('library/nginx', ['1.24', '1.25', '1.25-alpine', 'latest'])
add('library/postgres', ['15', '16', '16-alpine', '17beta1'])
add('library/redis', ['7.0', '7.2', '8.0'])
add('library/python', ['3.12'], { form: 'docker' })
add('library/single', ['1'], { architectures: ['amd64'] })
add('prometheus/prometheus', ['v2.53.0', 'v2.54.0', 'v3.0.0'])
add('acme/app', ['v1', 'v2', 'v3'])
add('acme/tool', ['1'])
add('team/closed', ['1'])
for (let n = 0; n < 8; n += 1) add(`acme/service${n}`, ['1'], { smallLayers: 2 })
images.set('acme/chart:0.1.0', chart())

// No container image: its config is Helm's.
function chart(): Image {
  const [config, layer] = ['{"name":"chart"}', 'a packed chart'].map((text) =>
    contentOf(Buffer.from(text)),
  )
  assert.ok(config && layer)
  const json = {
    config: described('application/vnd.cncf.helm.config.v1+json', config),
    layers: [described('application/vnd.cncf.helm.chart.content.v1.tar+gzip', layer)],
  }
  return artifact(json, { contents: [config, layer] })
}

function digestOf(reference: string): string {
  const image = images.get(reference.slice(reference.indexOf('/') + 1))
  assert.ok(image, reference)
  return image.top.digest
}

const APP = digestOf('ghcr.io/acme/app:v3')
const services = ['docker.io', 'ghcr.io', 'quay.io'].flatMap((registry) =>
  Array.from({ length: 8 }, (_, n) => `${registry}/acme/service${n}:1`),
)
const NGINX = 'docker.io/library/nginx'
const POSTGRES = 'docker.io/library/postgres'
const REDIS = 'docker.io/library/redis'
const PROMETHEUS = 'quay.io/prometheus/prometheus'

// Each line with the images that it means.
const LINES: readonly (readonly [string, readonly string[]])[] = [
  ['nginx:1.25', [`${NGINX}:1.25`]],
  ['nginx', [`${NGINX}:latest`]],
  [`${NGINX}:1.25-alpine   # for the gateway`, [`${NGINX}:1.25-alpine`]],
  ['postgres:15,16,16-alpine', [`${POSTGRES}:15`, `${POSTGRES}:16`, `${POSTGRES}:16-alpine`]],
  ['redis:7.*', [`${REDIS}:7.0`, `${REDIS}:7.2`]],
  [`${REDIS}:7.2`, [`${REDIS}:7.2`]],
  [`${PROMETHEUS}:^v2\\.`, [`${PROMETHEUS}:v2.53.0`, `${PROMETHEUS}:v2.54.0`]],
  [`${PROMETHEUS}:/^v3/`, [`${PROMETHEUS}:v3.0.0`]],
  [`ghcr.io/acme/app@${APP}`, [`ghcr.io/acme/app@${APP}`]],
  ['ghcr.io/acme/app:v1,v2', ['ghcr.io/acme/app:v1', 'ghcr.io/acme/app:v2']],
  ['ghcr.io/acme/chart:0.1.0', ['ghcr.io/acme/chart:0.1.0']],
  [PRIVATE, [PRIVATE]],
  ['quay.io/acme/tool:gone', ['quay.io/acme/tool:gone']],
  [`docker://${ARM_ONLY} platforms=linux/arm64`, [ARM_ONLY]],
  ['python:3.12', ['docker.io/library/python:3.12']],
  ['library/single:1', ['docker.io/library/single:1']],
  ...services.map((reference) => [reference, [reference]] as const),
]
const FAILING = 'quay.io/acme/tool:gone'

const HEADING = ['# What the office runs.', '']
const LIST = [...HEADING, ...LINES.map(([line]) => line), ''].join('\r\n')
const lineOf = (text: string): number =>
  HEADING.length + 1 + LINES.findIndex(([line]) => line === text)

describe('a list over three registries', { skip, timeout: 200_000 }, () => {
  const stack = new AsyncDisposableStack()
  let upstreams: Upstreams
  let warm: WarmCommand

  before(async () => {
    upstreams = stack.use(await Upstreams.start())
    const { plain, tokens, doors } = upstreams
    for (const [name, image] of images) {
      const colon = name.indexOf(':')
      await pushImage(plain.url, name.slice(0, colon), name.slice(colon + 1), image)
    }
    tokens.users = { [USER]: PASSWORD }
    tokens.needLogin.add('team/closed')
    const login = stack.use(new TempFolder('login')).join('login')
    writeFileSync(login, `${USER}:${PASSWORD}\n`)
    warm = stack.use(
      new WarmCommand({
        list: LIST,
        registries: {
          'docker.io': doors.plain.url,
          'ghcr.io': doors.token.url,
          'quay.io': doors.redirect.url,
        },
        args: ['--credentials', `ghcr.io=file:${login}`],
        secrets: SECRETS,
      }),
    )
  })
  after(() => stack.disposeAsync())

  // As `token /v2/acme/app/manifests/v1`; what was only a challenge to log in is not counted.
  const asked = (method: string, path: RegExp, range?: string): string[] =>
    Object.entries(upstreams.doors).flatMap(([kind, { log }]) =>
      log
        .find({ method, path })
        .filter((request) => request.status !== 401 && request.range === range)
        .map(({ url }) => `${kind} ${url}`),
    )
  const twice = (all: readonly string[]): string[] => all.filter((each, n) => all.indexOf(each) < n)
  const clearLogs = (): void => {
    for (const { log } of Object.values(upstreams.doors)) log.clear()
    upstreams.cdn.log.clear()
  }
  const run = (...args: string[]): Promise<WarmEnd> =>
    // What no client would be given is not warmed; the server that takes the store over is told later.
    warm.run('--platform', 'linux/amd64,linux/arm64', '--private', 'ghcr.io=team/closed', ...args)

  // What stands in the report for each line of the list.
  function byLine({ report }: WarmEnd): Record<string, Record<string, string>> {
    const lines: Record<string, Record<string, string>> = {}
    for (const { places, reference, status, digest = '' } of report.results) {
      for (const { line } of places) {
        const [text = ''] = LINES[line - 1 - HEADING.length] ?? []
        lines[text] = { ...lines[text], [reference]: `${status} ${digest}`.trim() }
      }
    }
    return lines
  }

  function expectLines(status: string): Record<string, Record<string, string>> {
    return Object.fromEntries(
      LINES.map(([text, references]) => [
        text,
        Object.fromEntries(
          references.map((reference) => [
            reference,
            reference === FAILING
              ? 'failed'
              : `${status} ${reference.split('@')[1] ?? digestOf(reference)}`,
          ]),
        ),
      ]),
    )
  }

  test('every line is told what came of it, and the one that fails is a list of its own', async () => {
    const end = await run()
    assert.deepEqual(byLine(end), expectLines('warmed'), end.said)
    assert.equal(end.code, 1, end.said)
    assert.deepEqual(warm.failedLines, [FAILING])
    const failed = end.report.results.find(({ status }) => status === 'failed')
    assert.equal(failed?.cause, 'not-found')
    assert.match(end.said, new RegExp(`line ${lineOf(FAILING)} .*${FAILING} does not exist`))

    const gets = asked('GET', /\/manifests\//)
    const told = end.report.registries.reduce((sum, { pulls }) => sum + pulls, 0)
    assert.equal(gets.length, told, 'the pulls that are told are those that upstream saw')
    assert.deepEqual(twice(gets), [], 'no manifest is fetched twice')
    const blobs = asked('GET', /\/blobs\//).map((url) => url.slice(url.lastIndexOf('/')))
    assert.deepEqual(twice(blobs), [], 'no blob is fetched twice, whichever registries have it')
  })

  test('the next night costs a HEAD for each tag at most, and nothing else', async () => {
    clearLogs()
    const end = await run()
    assert.deepEqual(byLine(end), expectLines('fresh'), end.said)
    assert.equal(end.code, 1, 'what is missing is missing still')
    assert.deepEqual(asked('GET', /\/(?:manifests|blobs)\//), [])
    assert.deepEqual(upstreams.cdn.log.all, [])
    const tags = new Set(LINES.flatMap(([, references]) => references))
    tags.delete(`ghcr.io/acme/app@${APP}`)
    const heads = asked('HEAD', /\/manifests\//)
    assert.ok(heads.length <= tags.size, `${heads.length} HEADs for ${tags.size} tags`)
    assert.deepEqual(asked('HEAD', /\/blobs\//), [])
    assert.equal(asked('GET', /\/tags\/list/).length, 2, 'one for each repository with a pattern')
  })

  test('with every registry gone, every image pulls', async () => {
    await upstreams.close()
    const references = LINES.flatMap(([, found]) => found).filter((each) => each !== FAILING)
    const left = new Set(references)
    left.delete(PRIVATE)
    left.delete(ARM_ONLY)
    await using mirror = await warm.serve()
    await using skopeo = await Skopeo.start({ url: mirror.url })
    const pullAll = async (): Promise<void> => {
      for (const reference of left) {
        left.delete(reference)
        const digest = reference.split('@')[1] ?? digestOf(reference)
        assert.equal(await skopeo.pull(reference), digest, reference)
      }
    }
    await Promise.all(Array.from({ length: PULLS_AT_ONCE }, pullAll))

    const arm = images.get('acme/tool:1')?.platforms.find((each) => each.architecture === 'arm64')
    assert.equal(await skopeo.pull(ARM_ONLY, 'arm64'), arm?.manifest.digest)
    await assert.rejects(skopeo.pull(ARM_ONLY, 'amd64'), 'a platform that nobody wanted')

    await assert.rejects(skopeo.pull(PRIVATE), 'only the login may read it')
    await mirror.stop()
    await mirror.restart(['--private', 'ghcr.io=everyone'])
    await using other = await Skopeo.start({ url: mirror.url })
    assert.equal(await other.pull(PRIVATE), digestOf(PRIVATE))
  })
})
