// A whole pull through the mirror from each kind of registry there is: the bytes, what it costs
// upstream, a blob that breaks off, what is missing, and all of it again without upstream.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DOCKER_SCHEMA1_SIGNED } from '../../src/oci/media-type.ts'
import { REGISTRY_QUIRKS, knownRealmHosts, quirksOf } from '../../src/upstream/quirks.ts'
import { buildImage } from '../support/images.ts'
import { oneOnBinary } from '../support/packaged-mirror.ts'
import { BEHAVIOURS } from '../support/registry-behaviours.ts'
import type { Behaviour } from '../support/registry-behaviours.ts'
import { RegistryDouble, error } from '../support/registry-double.ts'
import type { Answer, Asked, Handler, Host } from '../support/registry-double.ts'
import { REVALIDATE_ALWAYS, TestMirror, errorCode } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const image = buildImage({ seed: 'quirks', form: 'oci', bigLayers: 1, bigLayerMiB: 1 })
const blobs = image.blobs.size
const SIZE = { requests: 1 + image.manifests.size + blobs, blobs }
const NONE = { registry: 0, realm: 0, storage: 0 }

class Pulling implements AsyncDisposable {
  readonly double: RegistryDouble
  readonly mirror: TestMirror
  readonly name: string

  private constructor(double: RegistryDouble, mirror: TestMirror, name: string) {
    this.double = double
    this.mirror = mirror
    this.name = name
  }

  static async start(behaviour: Behaviour): Promise<Pulling> {
    const { repository = 'library/app', manners, settings } = behaviour
    const double = await RegistryDouble.start(repository, image, manners)
    const registries = { 'lab.test:5000': { ...settings, endpoints: [double.url('registry')] } }
    const mirror = await TestMirror.start({ registries, ...REVALIDATE_ALWAYS })
    return new Pulling(double, mirror, `lab.test:5000/${repository}`)
  }

  async pull(): Promise<void> {
    await pullWhole(this.mirror, this.name, '1', image)
    await stored(this.mirror, image)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.mirror.close(image.blobs)
    } finally {
      await this.double.close()
    }
  }
}

test('every row of the table has a registry that behaves so, and each of those a row', () => {
  const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name)
  assert.deepEqual(names(BEHAVIOURS).toSorted(), names(REGISTRY_QUIRKS).toSorted())
})

for (const behaviour of BEHAVIOURS) {
  test(`${behaviour.name}: a whole pull, at its price, and again without upstream`, async () => {
    await using pulling = await Pulling.start(behaviour)
    const { double, mirror } = pulling
    await pulling.pull()
    assert.deepEqual(double.counts(), behaviour.cost(SIZE))

    await mirror.restart({ offline: true })
    await pulling.pull()
    assert.deepEqual(double.counts(), NONE)
  })
}

for (const behaviour of oneOnBinary(BEHAVIOURS)) {
  test(`${behaviour.name}: a blob that breaks off is continued where it ended`, async () => {
    await using pulling = await Pulling.start(behaviour)
    const { double } = pulling
    double.cutNextBlobAt = 500_000
    await pulling.pull()
    assert.equal(double.cutNextBlobAt, undefined)
    const ranges = double.log.flatMap(({ headers }) => headers.range ?? [])
    assert.match(ranges.at(-1) ?? '', /^bytes=[1-9]\d*-\d+$/)
  })

  test(`${behaviour.name}: what is not there is not there`, async () => {
    await using pulling = await Pulling.start(behaviour)
    const { mirror, name } = pulling
    const { missing = 404 } = behaviour
    const tag = await mirror.get(`/v2/${name}/manifests/other`)
    assert.equal(tag.status, 404)
    assert.equal(errorCode(tag), 'MANIFEST_UNKNOWN')
    const nobody = await mirror.get('/v2/lab.test:5000/library/nobody/manifests/1')
    assert.equal(nobody.status, missing)
    assert.equal(nobody.headers.get('www-authenticate'), undefined)
    assert.match(errorCode(nobody) ?? '', missing === 404 ? /_UNKNOWN$/ : /^UNAVAILABLE$/)
  })
}

function behaviourOf(name: string): Behaviour {
  const found = BEHAVIOURS.find((behaviour) => behaviour.name === name)
  assert.ok(found)
  return found
}

// As it behaves, but for what the bent handler answers itself.
function bent(name: string, host: Host, bend: (asked: Asked) => Answer | undefined): Behaviour {
  const behaviour = behaviourOf(name)
  const handler = behaviour.manners[host]
  const bending: Handler = (asked, double) => {
    const answer = bend(asked) ?? handler?.(asked, double)
    assert.ok(answer)
    return answer
  }
  return { ...behaviour, manners: { ...behaviour.manners, [host]: bending } }
}

test('Docker Hub: a pull counts one GET for each manifest, and a second pull none', async () => {
  await using pulling = await Pulling.start(behaviourOf('Docker Hub'))
  await pulling.pull()
  await pulling.pull()
  const gets = pulling.double.log.filter(({ method, path }) => {
    return method === 'GET' && path.includes('/manifests/')
  })
  // What was refused for want of a token was a HEAD.
  assert.equal(gets.length, image.manifests.size)
})

for (const [what, headers] of [
  ['with Retry-After', { 'retry-after': '60' }],
  ['without Retry-After', {}],
] as const) {
  test(`Docker Hub: at the pull limit, 429 ${what}, what is held is served and fresh`, async () => {
    let isLimiting = false
    const behaviour = bent('Docker Hub', 'registry', ({ method, path }) => {
      const isPull = method === 'GET' && path.includes('/manifests/')
      return isLimiting && isPull ? error(429, 'TOOMANYREQUESTS', headers) : undefined
    })
    await using pulling = await Pulling.start(behaviour)
    const { mirror, name } = pulling
    await pulling.pull()
    isLimiting = true
    const held = await mirror.get(`/v2/${name}/manifests/1`)
    assert.equal(held.status, 200)
    assert.equal(held.headers.get('warning'), undefined)
    const other = `sha256:${'2'.repeat(64)}`
    for (const _ of [1, 2]) {
      const answer = await mirror.get(`/v2/${name}/manifests/${other}`)
      assert.equal(answer.status, 503)
      assert.ok(Number(answer.headers.get('retry-after')) > 0)
    }
    const asked = pulling.double.log.filter(({ path }) => path.endsWith(other))
    assert.equal(asked.length, 1)
  })
}

for (const name of ['NVIDIA', 'Docker Hub', 'Google']) {
  test(`${name}: tokens that expire before their time are replaced, in the middle of a pull`, async () => {
    await using pulling = await Pulling.start(behaviourOf(name))
    const { double, mirror } = pulling
    await mirror.get(`/v2/${pulling.name}/manifests/1`)
    double.expireTokens()
    await pulling.pull()
  })
}

test('a signed URL that expires in the middle of a blob: the registry is asked for a new one', async () => {
  const expired = new Set<string>()
  const behaviour = bent('Docker Hub', 'storage', ({ query, headers }) => {
    const signature = query.get('signature') ?? ''
    if (headers.range !== undefined && expired.size === 0) expired.add(signature)
    return expired.has(signature) ? { status: 403, body: '<Error>expired</Error>' } : undefined
  })
  await using pulling = await Pulling.start(behaviour)
  pulling.double.cutNextBlobAt = 500_000
  await pulling.pull()
  assert.equal(expired.size, 1)
})

// [what is wrong, the header]
for (const [what, told] of [
  ['of something else', `sha256:${'3'.repeat(64)}`],
  ['that is no digest', 'sha256:short'],
] as const) {
  test(`a digest header ${what}, on everything: the bytes count`, async () => {
    const manners = behaviourOf('registry:2').manners.registry as Handler
    const lying: Handler = (asked, double) => {
      const answer = manners(asked, double)
      return { ...answer, headers: { ...answer.headers, 'docker-content-digest': told } }
    }
    await using pulling = await Pulling.start({
      ...behaviourOf('registry:2'),
      manners: { registry: lying },
    })
    await pulling.pull()
  })
}

for (const name of ['Quay', 'Microsoft']) {
  test(`${name}: whatever little a client accepts, schema 1 is not what it gets`, async () => {
    await using pulling = await Pulling.start(behaviourOf(name))
    const accept = 'application/vnd.docker.distribution.manifest.v2+json'
    const answer = await pulling.mirror.get(`/v2/${pulling.name}/manifests/1`, { accept })
    assert.equal(answer.headers.get('content-type'), image.top.mediaType)
  })
}

test('schema 1 that comes all the same is 404 with a sentence, and is not kept', async () => {
  const body = JSON.stringify({ schemaVersion: 1, name: 'app', fsLayers: [] })
  let isOld = true
  const behaviour = bent('Quay', 'registry', ({ path }) => {
    const headers = { 'content-type': DOCKER_SCHEMA1_SIGNED }
    return isOld && path.includes('/manifests/') ? { status: 200, headers, body } : undefined
  })
  await using pulling = await Pulling.start(behaviour)
  const answer = await pulling.mirror.get(`/v2/${pulling.name}/manifests/1`)
  assert.equal(answer.status, 404)
  assert.equal(errorCode(answer), 'MANIFEST_UNKNOWN')
  assert.match(answer.body.toString(), /schema 1 image, not supported/)
  isOld = false
  await pulling.pull()
})

test('Amazon public: HEAD of a blob is answered, and never becomes a HEAD upstream', async () => {
  await using pulling = await Pulling.start(behaviourOf('Amazon public'))
  const { double, mirror, name } = pulling
  for (const digest of image.blobs.keys()) {
    const answer = await mirror.head(`/v2/${name}/blobs/${digest}`)
    assert.equal(answer.status, 200)
  }
  const heads = double.log.filter(({ method }) => method === 'HEAD')
  assert.deepEqual(heads, [])
})

test('GitHub: the web page in the place of the referrers is not followed', async () => {
  await using pulling = await Pulling.start(behaviourOf('GitHub'))
  const { double, mirror, name } = pulling
  const answer = await mirror.get(`/v2/${name}/referrers/${image.top.digest}`)
  assert.equal(answer.status, 200)
  assert.deepEqual((JSON.parse(answer.body.toString()) as { manifests: [] }).manifests, [])
  assert.equal(double.counts().storage, 0)
})

test('hosts of realms are known by the name of a registry, by its address and by a pattern', () => {
  assert.deepEqual(knownRealmHosts('docker.io'), ['auth.docker.io'])
  assert.deepEqual(knownRealmHosts('Registry-1.Docker.IO'), ['auth.docker.io'])
  assert.deepEqual(knownRealmHosts('registry.lab.test'), [])
  assert.equal(quirksOf('1234.dkr.ecr.eu-west-1.amazonaws.com').name, 'Amazon private')
  assert.equal(quirksOf('amazonaws.com').name, 'unknown')
})
