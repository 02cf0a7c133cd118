import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'catalog', form: 'oci', architectures: ['arm64'] })
const CATALOG = '/v2/_catalog'

// Four repositories of which something is held, of three registries.
async function withRepositories(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  for (const name of ['library/app', 'me/app', 'org/app']) {
    setting.upstream.addImage(name, '1', image)
  }
  for (const name of ['app', 'me/app', 'ghcr.io/org/app', 'lab/org/app']) {
    assert.equal((await setting.mirror.get(`/v2/${name}/manifests/1`)).status, 200)
  }
  setting.asked()
  return setting
}

function namesOf({ body }: Answer): string[] {
  return (JSON.parse(body.toString()) as { repositories: string[] }).repositories
}

const NAMES = ['ghcr.io/org/app', 'lab/org/app', 'library/app', 'me/app']

test('the catalog names what is held, as clients call it, and asks nobody', async () => {
  await using setting = await withRepositories()
  const { mirror } = setting
  await mirror.get('/v2/nothing/manifests/1')
  setting.asked()
  const answer = await mirror.get(CATALOG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(answer.headers.get('content-length'), String(answer.body.length))
  assert.equal(answer.headers.get('link'), undefined)
  assert.deepEqual(namesOf(answer), NAMES)
  const head = await mirror.head(CATALOG)
  assert.deepEqual([head.status, head.body.length], [200, 0])
  assert.equal(head.headers.get('content-length'), answer.headers.get('content-length'))
  assert.deepEqual(setting.asked(), [])
  // Each name works.
  for (const name of NAMES) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200)
  }
  await mirror.restart({ offline: true })
  assert.deepEqual(namesOf(await mirror.get(CATALOG)), NAMES)
})

test('a mirror that holds nothing has an empty catalog', async () => {
  await using setting = await Setting.start()
  assert.deepEqual(namesOf(await setting.mirror.get(CATALOG)), [])
})

for (const [how, path, host] of [
  ['by ns', `${CATALOG}?ns=ghcr.io`, undefined],
  ['by prefix', '/ghcr.io/v2/_catalog', undefined],
  ['by host', CATALOG, 'ghcr.box.lan'],
] as const) {
  test(`a registry chosen ${how} has its own names`, async () => {
    await using setting = await withRepositories({ hosts: new Map([['ghcr.box.lan', 'ghcr.io']]) })
    const answer = await setting.mirror.get(path, host === undefined ? {} : { host })
    assert.equal(answer.status, 200)
    assert.deepEqual(namesOf(answer), ['org/app'])
  })
}

for (const base of [CATALOG, '/docker.io/v2/_catalog', `${CATALOG}?ns=docker.io`]) {
  test(`the pages of ${base} lead from one to the next`, async () => {
    await using setting = await withRepositories()
    const { pathname, searchParams } = new URL(base, 'http://mirror.test')
    const ns = searchParams.get('ns')
    const all = base === CATALOG ? NAMES : ['library/app', 'me/app']
    const seen: string[] = []
    let next: string | undefined = `${base}${ns === null ? '?' : '&'}n=1`
    for (const _ of all) {
      assert.ok(next !== undefined)
      const answer: Answer = await setting.mirror.get(next)
      seen.push(...namesOf(answer))
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
      if (next === undefined) continue
      const url = new URL(next, setting.mirror.url)
      assert.deepEqual([url.pathname, url.searchParams.get('ns')], [pathname, ns])
    }
    assert.equal(next, undefined)
    assert.deepEqual(seen, all)
  })
}

test('n says how many names there are at most, last after which they begin', async () => {
  await using setting = await withRepositories()
  for (const [query, names] of [
    ['?n=0', []],
    ['?last=lab/org/app', ['library/app', 'me/app']],
    ['?last=lab%2Forg%2Fapp&n=1', ['library/app']],
    ['?last=kept', ['lab/org/app', 'library/app', 'me/app']],
  ] as const) {
    assert.deepEqual(namesOf(await setting.mirror.get(CATALOG + query)), names, query)
  }
})

test('an n that is no number is 400, and a registry that is not served is 404', async () => {
  await using setting = await Setting.start()
  const invalid = await setting.mirror.get(`${CATALOG}?n=many`)
  assert.deepEqual([invalid.status, errorCode(invalid)], [400, 'PAGINATION_NUMBER_INVALID'])
  const unknown = await setting.mirror.get(`${CATALOG}?ns=unknown.example`)
  assert.deepEqual([unknown.status, errorCode(unknown)], [404, 'NAME_UNKNOWN'])
})

test('a mirror that is not to tell what it holds says so', async () => {
  await using setting = await withRepositories({ catalog: false })
  const answer = await setting.mirror.get(CATALOG)
  assert.deepEqual([answer.status, errorCode(answer)], [404, 'UNSUPPORTED'])
  assert.match(answer.body.toString(), /--catalog true/)
  assert.deepEqual(setting.asked(), [])
})
