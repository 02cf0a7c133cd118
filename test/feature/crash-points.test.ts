// Every step on disk and in the index of a pull, an eviction and a removal, as a point at which the
// process dies: the mirror that comes next finds a whole store, serves only right bytes, and goes on
// where the notes say.
//
// Some of the points are tried, others each time; REGMIRROR_CAMPAIGN=100 tries them all.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { decodeNote, writtenBy } from '../../src/store/staging-note.ts'
import { RegMirror } from '../support/binary.ts'
import { seededContent, sha256 } from '../support/content.ts'
import type { Content } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { run } from '../support/process.ts'
import { seededRandom } from '../support/mixed-pulls.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { checkStore, publishedDigests, stagedNames } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'

const KIB = 1024
const MIB = 1024 * KIB
const NAME = 'library/app'
const AT_ONCE = 2
// Asks only whether upstream has it there, where that was not noted yet.
const ONE_BYTE = 'bytes=0-0'
const PROGRAM = path.resolve(import.meta.dirname, '../../src/bin/node.ts')
const PRELOAD = path.resolve(import.meta.dirname, '../support/crash-preload.ts')

const IMAGE = buildImage({
  seed: 'crash points',
  form: 'oci',
  bigLayers: 1,
  bigLayerMiB: 7,
  architectures: ['amd64', 'arm64'],
})
// Named by no manifest, and upstream tells no size.
const UNSIZED = seededContent('of no known size', 700 * KIB)
const PARKED = IMAGE.platforms[0]?.layers.find(({ size }) => size > MIB)
const CONTENTS = new Map<string, Content>([...IMAGE.blobs, [UNSIZED.digest, UNSIZED]])
const PARKED_AT = 900 * KIB

// The setting of one crash point: an upstream of its own, whose requests are counted.
class Crash implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly upstream: ScriptedUpstream
  readonly folder: TempFolder
  point = '' // none
  args: readonly string[] = []

  constructor(upstream: ScriptedUpstream) {
    this.upstream = this.#stack.use(upstream)
    this.folder = this.#stack.use(new TempFolder('crash'))
  }

  static async begin(template: string | undefined): Promise<Crash> {
    const crash = new Crash(await ScriptedUpstream.start())
    if (template !== undefined) cpSync(template, crash.data, { recursive: true })
    crash.upstream.addImage(NAME, '1', IMAGE)
    crash.upstream.addBlob(NAME, UNSIZED)
    crash.upstream.script({ path: UNSIZED.digest, reply: { chunked: true } })
    return crash
  }

  get data(): string {
    return this.folder.join('data')
  }

  get trace(): string {
    return this.folder.join('trace')
  }

  // Undefined where the mirror died while it started.
  async start(): Promise<RegMirror | undefined> {
    const { upstream, data, trace, point } = this
    const env = { CRASH_FOLDER: data, CRASH_TRACE: trace, CRASH_AT: point }
    const started = RegMirror.start({
      registries: { 'docker.io': upstream.url },
      args: this.args,
      dataFolder: data,
      program: PROGRAM,
      startedBy: () => [process.execPath, '--import', PRELOAD],
      env,
    })
    const mirror = await started.catch((error: unknown) => {
      if (point === '') throw error
      return undefined
    })
    return mirror && this.#stack.use(mirror)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

// What a client that wants all of it does; false where the mirror died meanwhile.
async function pull({ url }: RegMirror): Promise<boolean> {
  const manifests = ['1', ...IMAGE.platforms.map(({ manifest }) => manifest.digest)]
  const get = async (kind: string, reference: string): Promise<Buffer | undefined> => {
    try {
      await using answer = await rawRequest(`${url}/v2/${NAME}/${kind}/${reference}`)
      const body = await answer.body()
      if (answer.ending !== 'complete') return undefined
      assert.equal(answer.status, 200, body.toString())
      return body
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return undefined
    }
  }
  for (const reference of manifests) {
    const body = await get('manifests', reference)
    if (!body) return false
    const digest = reference === '1' ? IMAGE.top.digest : reference
    assert.equal(sha256(body), digest)
  }
  const blobs = await Promise.all(
    [...CONTENTS.keys()].map(async (digest) => {
      const body = await get('blobs', digest)
      if (body) assert.equal(sha256(body), digest)
      return body !== undefined
    }),
  )
  return blobs.every(Boolean)
}

// A data folder with the first part of a layer in it, as a restart leaves it.
async function parked(): Promise<Crash> {
  const crash = await Crash.begin(undefined)
  const digest = PARKED?.digest ?? ''
  crash.upstream.script({ path: digest, times: 1, reply: { stall: { after: PARKED_AT } } })
  const mirror = await crash.start()
  assert.ok(mirror)
  const answer = await rawRequest(mirror.blobUrl('docker.io', NAME, digest))
  await answer.take({ leaveAfter: PARKED_AT - 200 * KIB })
  await mirror.stop()
  assert.deepEqual(stagedNames(crash.data).length, 2)
  return crash
}

// A data folder with all of it.
async function pulled(): Promise<Crash> {
  const crash = await Crash.begin(undefined)
  const mirror = await crash.start()
  assert.ok(mirror && (await pull(mirror)))
  await mirror.stop()
  return crash
}

// All that the scenario does, from the mirror's start to its end, when nothing happens to it.
async function stepsOf(scenario: Scenario, template: string): Promise<string[]> {
  await using crash = await crashed(scenario, template, '')
  const mirror = await crash.start()
  assert.ok(mirror)
  assert.notEqual(await scenario.act(mirror), false)
  await mirror.stop()
  checkStore(crash.data, CONTENTS)
  return readFileSync(crash.trace, 'utf8').trim().split('\n')
}

// Where each download may go on at the earliest: `undefined` for one that is not to be asked for.
function keptOf(data: string): Map<string, number | undefined> {
  const published = publishedDigests(data)
  return new Map(
    [...CONTENTS.keys()].map((digest) => {
      if (published.includes(digest)) return [digest, undefined]
      const name = digest.replace(':', '-')
      if (!stagedNames(data).includes(name)) return [digest, 0]
      const staged = path.join(data, 'staging', name)
      const note = decodeNote(readFileSync(`${staged}.json`))?.note
      const [first] = note ? writtenBy(note, statSync(staged).size) : []
      return [digest, first?.start === 0 && note?.totalBytes !== undefined ? first.end : 0]
    }),
  )
}

interface Scenario {
  readonly what: string
  readonly points: number // of which crashes are tried
  readonly template: () => Promise<Crash>
  readonly args?: readonly string[]
  // Whatever it throws, the mirror is dead.
  readonly act: (mirror: RegMirror) => Promise<unknown>
}

const SCENARIOS: readonly Scenario[] = [
  { what: 'a pull', points: campaign(8), template: parked, act: pull },
  {
    what: 'an eviction',
    points: campaign(3),
    template: pulled,
    args: ['--max-size', '16MiB'],
    act: (mirror) => mirror.program.waitForLine(/removed .* image/),
  },
  {
    what: 'a removal',
    points: campaign(3),
    template: pulled,
    act: ({ dataFolder }) =>
      run(process.execPath, [PROGRAM, 'rm', `docker.io/${NAME}:1`, '--data', dataFolder]),
  },
]

async function crashed(scenario: Scenario, template: string, point: string): Promise<Crash> {
  const crash = await Crash.begin(template)
  crash.point = point
  crash.args = scenario.args ?? []
  return crash
}

async function dieAt(scenario: Scenario, template: string, point: string): Promise<boolean> {
  await using crash = await crashed(scenario, template, point)
  const killed = await crash.start()
  if (killed) await scenario.act(killed).catch(failedAlive)
  // A point that this run's timing left out is no failure; publishing goes on behind the last byte.
  await killed?.stop('SIGTERM')
  const isDead = killed?.program.exit?.signal !== null
  checkStore(crash.data, CONTENTS)
  const kept = keptOf(crash.data)

  crash.point = ''
  crash.args = []
  const next = await crash.start()
  // Not before: what the dead one had asked for last may have come in only now.
  crash.upstream.log.clear()
  assert.ok(next && (await pull(next)), 'the next pull broke off')
  for (const [digest, from] of kept) {
    const gets = crash.upstream.log.find({ method: 'GET', path: digest })
    const asked = gets
      .filter(({ range }) => range !== ONE_BYTE)
      .map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0))
    const size = CONTENTS.get(digest)?.size
    const wanted = from === undefined || from === size ? [] : [from]
    assert.deepEqual(asked, wanted, `${digest} of ${size} was to be fetched from ${from}`)
  }
  await next.stop()
  checkStore(crash.data, CONTENTS)
  const published = publishedDigests(crash.data)
  assert.ok([...CONTENTS.keys()].every((digest) => published.includes(digest)))
  // A note that outlived its download is swept with other leftovers.
  assert.deepEqual(
    stagedNames(crash.data).filter((name) => !name.endsWith('.json')),
    [],
  )
  return isDead
}

function failedAlive(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error
}

for (const scenario of SCENARIOS) {
  const { what, points: wanted } = scenario
  test(`a crash at any step of ${what}`, { timeout: 60_000 + wanted * 30_000 }, async (t) => {
    await using template = await scenario.template()
    const steps = await stepsOf(scenario, template.data)
    const points = steps.flatMap((step) => {
      const [thread, number] = step.split(' ')
      return [`${thread} ${number} before`, `${thread} ${number} after`]
    })
    const stride = Math.max(1, Math.ceil(points.length / wanted))
    const first = seededRandom(seed)(stride)
    const left = points.filter((_, n) => n % stride === first)
    const failures: Error[] = []
    let tried = 0
    let reached = 0
    const one = async (): Promise<void> => {
      for (let point = left.shift(); point !== undefined; point = left.shift()) {
        tried += 1
        const [thread, number, when] = point.split(' ')
        const step = steps.find((each) => each.startsWith(`${thread} ${number} `))
        try {
          if (await dieAt(scenario, template.data, point)) reached += 1
        } catch (cause) {
          failures.push(new Error(`a crash ${when} step ${step} (seed ${seed})`, { cause }))
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
    t.diagnostic(`${steps.length} steps, ${tried} crashes tried, ${reached} died there`)
    assert.ok(reached > 0)
  })
}
