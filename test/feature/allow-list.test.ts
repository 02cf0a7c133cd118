import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { ON_BINARY, oneOnBinary } from '../support/packaged-mirror.ts'
import { errorCode, REVALIDATE_ALWAYS, Setting, TestMirror } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { statuses, warm } from '../support/warm-run.ts'

const image = buildImage({ seed: 'allowed', form: 'oci', architectures: ['amd64'] })
const { digest } = image.top
const [blob = ''] = image.blobs.keys()

const folder = new TempFolder('allow')
after(() => folder.close())
let files = 0

function listFile(...lines: readonly string[]): string {
  const file = folder.join(`list-${(files += 1)}.txt`)
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

// Upstream has `1`, `2` and `1-rc1` of each of these.
async function withImages(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start({ ...REVALIDATE_ALWAYS, ...changes })
  for (const name of ['library/app', 'library/other', 'org/app', 'org/team/app']) {
    for (const tag of ['1', '2', '1-rc1']) setting.upstream.addImage(name, tag, image)
  }
  return setting
}

function sentence({ body }: Answer): string | undefined {
  const { errors } = JSON.parse(body.toString()) as { errors: { message: string }[] }
  return errors[0]?.message
}

function repositories({ body }: Answer): string[] {
  return (JSON.parse(body.toString()) as { repositories: string[] }).repositories
}

const UNLISTED =
  "docker.io/library/other is not on this mirror's allow list: ask whoever runs the mirror to add it"
const ASKED = [
  'manifests/1',
  `manifests/${digest}`,
  `blobs/${blob}`,
  'tags/list',
  `referrers/${digest}`,
]

for (const [how, path, host] of oneOnBinary([
  ['by its short name', '/v2/other', undefined],
  ['by its whole name', '/v2/docker.io/library/other', undefined],
  ['by ns', '/v2/library/other', undefined],
  ['by another name of the registry', '/v2/registry-1.docker.io/library/other', undefined],
  ['by the path before /v2', '/docker.io/v2/library/other', undefined],
  ['by host', '/v2/library/other', 'docker.box.lan'],
] as const)) {
  test(`what is on no line is denied and upstream not asked, ${how}`, async () => {
    const hosts = new Map([['docker.box.lan', 'docker.io']])
    await using setting = await withImages({ allow: listFile('app', 'ghcr.io/**'), hosts })
    const { mirror } = setting
    const headers = host === undefined ? undefined : { host }
    const query = how === 'by ns' ? '?ns=docker.io' : ''
    for (const what of ASKED) {
      const answer = await mirror.get(`${path}/${what}${query}`, headers)
      assert.deepEqual([answer.status, errorCode(answer)], [403, 'DENIED'], what)
      assert.equal(sentence(answer), UNLISTED)
      const head = await mirror.head(`${path}/${what}${query}`, headers)
      assert.deepEqual([head.status, head.body.length], [403, 0], what)
    }
    assert.deepEqual(setting.asked(), [])
    await mirror.logged(/other:1 for .*: 403 denied: docker.io\/library\/other is not on/)
    const allowed = await mirror.get(`${path.replace('other', 'app')}/manifests/1${query}`, headers)
    assert.equal(allowed.status, 200)
  })
}

test('what is held is denied too, its catalog does not tell of it, and it is back with its line', async () => {
  await using setting = await withImages()
  const { mirror } = setting
  const names = ['app', 'other', 'ghcr.io/org/app', 'ghcr.io/org/team/app']
  for (const name of names) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200)
    assert.equal((await mirror.get(`/v2/${name}/blobs/${blob}`)).status, 200)
  }
  await mirror.restart({ allow: listFile('app', 'ghcr.io/org/*') })
  setting.asked()
  for (const name of ['other', 'ghcr.io/org/team/app']) {
    for (const what of ASKED) {
      assert.equal((await mirror.get(`/v2/${name}/${what}`)).status, 403, `${name} ${what}`)
    }
  }
  assert.deepEqual(repositories(await mirror.get('/v2/_catalog')), [
    'ghcr.io/org/app',
    'library/app',
  ])
  assert.deepEqual(setting.asked(), [])
  await mirror.restart({ allow: listFile('other', 'ghcr.io/**'), offline: true })
  for (const name of names.slice(1)) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200, name)
  }
  assert.equal((await mirror.get('/v2/app/manifests/1')).status, 403)
})

test('a line with tags allows these, and everything by digest', async () => {
  await using setting = await withImages({
    allow: listFile('app:1', 'ghcr.io/org/app:* not=*-rc*'),
  })
  const { mirror } = setting
  for (const name of ['app', 'ghcr.io/org/app']) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200)
    assert.equal((await mirror.get(`/v2/${name}/manifests/${digest}`)).status, 200)
    assert.equal((await mirror.get(`/v2/${name}/blobs/${blob}`)).status, 200)
    const tags = await mirror.get(`/v2/${name}/tags/list`)
    assert.deepEqual((JSON.parse(tags.body.toString()) as { tags: string[] }).tags, [
      '1',
      '1-rc1',
      '2',
    ])
  }
  setting.asked()
  const denied = await mirror.get('/v2/app/manifests/2')
  assert.deepEqual([denied.status, errorCode(denied)], [403, 'DENIED'])
  assert.equal(
    sentence(denied),
    "docker.io/library/app:2 is not on this mirror's allow list, which has other tags of " +
      'docker.io/library/app: ask whoever runs the mirror to add it',
  )
  assert.equal((await mirror.head('/v2/ghcr.io/org/app/manifests/1-rc1')).status, 403)
  assert.deepEqual(setting.asked(), [])
})

test('a block list needs no allow list, and counts before one', async () => {
  const block = listFile('other', 'ghcr.io/org/**', 'app:*-rc*')
  await using setting = await withImages({ block })
  const { mirror } = setting
  const assertBlocked = async (): Promise<void> => {
    setting.asked()
    for (const name of ['other', 'ghcr.io/org/team/app']) {
      const answer = await mirror.get(`/v2/${name}/blobs/${blob}`)
      assert.equal(answer.status, 403)
      assert.match(sentence(answer) ?? '', /^[\w./]+ is blocked on this mirror: ask whoever runs/)
    }
    assert.equal((await mirror.get('/v2/app/manifests/1-rc1')).status, 403)
    assert.deepEqual(setting.asked(), [])
    assert.equal((await mirror.get('/v2/app/manifests/1')).status, 200)
  }
  await assertBlocked()
  await mirror.restart({ allow: listFile('docker.io/**', 'ghcr.io/**', '!app:2') })
  await assertBlocked()
  assert.equal((await mirror.get('/v2/app/manifests/2')).status, 403)
})

test('a list that changes counts without a restart, and one that is wrong changes nothing', async () => {
  const allow = listFile('app')
  await using setting = await withImages({ allow })
  const { mirror } = setting
  await mirror.logged(/^only what .* names is served \(1 line\)$/)
  writeFileSync(allow, 'other\nb//d\n')
  await mirror.logged(/^what is served stays as it was/)
  await mirror.logged(/list-\d+\.txt:2:3: /)
  const statusOf = async (name: string): Promise<number> =>
    (await mirror.get(`/v2/${name}/manifests/1`)).status
  assert.deepEqual([await statusOf('app'), await statusOf('other')], [200, 403])
  writeFileSync(allow, 'other\n')
  await mirror.logged(/^read again: only what .* names is served \(1 line\)$/)
  assert.deepEqual([await statusOf('app'), await statusOf('other')], [403, 200])
})

for (const [what, lines] of oneOnBinary([
  ['is wrong', ['b//d']],
  ['allows nothing', ['# app']],
  ['is not there', undefined],
] as const)) {
  test(`no mirror starts on a list that ${what}`, async () => {
    const allow = lines === undefined ? folder.join('gone.txt') : listFile(...lines)
    const started = TestMirror.start({ allow })
    await assert.rejects(started, ON_BINARY ? /did not start/ : { name: 'ConfigError' })
  })
}

test('warm fetches nothing that is not served: named it fails, and patterns pass it over', async () => {
  await using setting = await withImages({
    allow: listFile('app:1*', 'ghcr.io/**'),
    block: listFile('app:*-rc*'),
  })
  const { mirror } = setting
  const denied = await warm(mirror, ['other:1', 'other:*', 'app:2', 'ghcr.io/org/app:1'])
  assert.deepEqual(statuses(denied), [
    'failed other:1',
    'failed other:*',
    'failed docker.io/library/app:2',
    'warmed ghcr.io/org/app:1',
  ])
  for (const { cause, because } of denied.report.results.slice(0, 3)) {
    assert.equal(cause, 'not-served')
    assert.match(because ?? '', /is not on this mirror's allow list/)
  }
  assert.deepEqual(
    setting.asked().filter((line) => line.includes('library/')),
    [],
  )
  const listed = await warm(mirror, ['app:*'])
  assert.deepEqual(
    listed.report.results.map(({ reference }) => reference),
    ['docker.io/library/app:1'],
  )
})
