import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../src/lib/within.ts'
import { buildImage } from '../support/images.ts'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { status, tooManyRequests } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { REVALIDATE_ALWAYS, Setting, errorCode } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'lists', form: 'oci', architectures: ['arm64'] })
const TAGS = ['1.0', '1.1', 'Latest', 'edge', 'latest']
const LIST = '/v2/app/tags/list'
const ASKED = ['GET library/app/tags/list?n=1000']

async function withTags(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  for (const name of ['library/app', 'org/app']) {
    for (const tag of TAGS.toReversed()) setting.upstream.addImage(name, tag, image)
  }
  return setting
}

function tagsOf({ body }: Answer): unknown {
  return (JSON.parse(body.toString()) as { tags: unknown }).tags
}

function assertStale(answer: Answer, tags: readonly string[]): void {
  assert.equal(answer.status, 200)
  assert.deepEqual(tagsOf(answer), tags)
  assert.match(answer.headers.get('warning') ?? '', /^299 - "stale: [ -~]+"$/)
  assert.equal(answer.headers.get('cache-control'), 'no-cache')
}

test('the tags of a repository are asked for once, however many want them, and then remembered', async () => {
  await using setting = await withTags()
  const { mirror } = setting
  const answers = await Promise.all(Array.from({ length: 20 }, () => mirror.get(LIST)))
  answers.push(await mirror.get(LIST))
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.deepEqual(JSON.parse(answer.body.toString()), { name: 'app', tags: TAGS })
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.headers.get('content-length'), String(answer.body.length))
    assert.equal(answer.headers.get('link'), undefined)
    assert.equal(answer.headers.get('warning'), undefined)
  }
  assert.deepEqual(setting.asked(), ASKED)
  await mirror.logged(/^listed the tags of docker\.io\/library\/app for .*: 5$/, answers.length)
})

test('HEAD of a list has the headers of GET and no body', async () => {
  await using setting = await withTags()
  const get = await setting.mirror.get(`${LIST}?n=2`)
  const head = await setting.mirror.head(`${LIST}?n=2`)
  assert.equal(head.status, 200)
  assert.equal(head.body.length, 0)
  for (const name of ['content-type', 'content-length', 'link']) {
    assert.equal(head.headers.get(name), get.headers.get(name), name)
  }
})

// [how it is addressed, host, the address, the name in the answer, the path of its Links]
const ADDRESSES: [string, string | undefined, string, string, string][] = [
  ['plainly', undefined, LIST, 'app', LIST],
  [
    'with library/',
    undefined,
    '/v2/library/app/tags/list',
    'library/app',
    '/v2/library/app/tags/list',
  ],
  [
    'by prefix',
    undefined,
    '/v2/ghcr.io/org/app/tags/list',
    'ghcr.io/org/app',
    '/v2/ghcr.io/org/app/tags/list',
  ],
  [
    'by path alias',
    undefined,
    '/v2/lab/org/app/tags/list',
    'lab/org/app',
    '/v2/lab/org/app/tags/list',
  ],
  [
    'by a port in the prefix',
    undefined,
    '/v2/lab.test%3A5000/org/app/tags/list',
    'lab.test:5000/org/app',
    '/v2/lab.test%3A5000/org/app/tags/list',
  ],
  [
    'by prefix before /v2',
    undefined,
    '/ghcr.io/v2/org/app/tags/list',
    'org/app',
    '/ghcr.io/v2/org/app/tags/list',
  ],
  ['by ns', undefined, '/v2/org/app/tags/list?ns=ghcr.io', 'org/app', '/v2/org/app/tags/list'],
  [
    'by an ns with a port',
    undefined,
    '/v2/org/app/tags/list?ns=lab.test%3A5000',
    'org/app',
    '/v2/org/app/tags/list',
  ],
  ['by host', 'ghcr.box.lan', '/v2/org/app/tags/list', 'org/app', '/v2/org/app/tags/list'],
]

for (const [how, host, address, name, path] of ADDRESSES) {
  test(`a repository addressed ${how} has Links in that form, which lead to all of it`, async () => {
    await using setting = await withTags({ hosts: new Map([['ghcr.box.lan', 'ghcr.io']]) })
    const headers = host === undefined ? {} : { host }
    const ns = new URL(address, 'http://mirror.test').searchParams.get('ns')
    const seen: unknown[] = []
    let next: string | undefined = `${address}${ns === null ? '?' : '&'}n=2`
    while (next !== undefined) {
      const answer = await setting.mirror.get(next, headers)
      assert.equal(answer.status, 200)
      const page = JSON.parse(answer.body.toString()) as { name: string; tags: string[] }
      assert.equal(page.name, name)
      if (ns !== null) assert.equal(answer.headers.get('oci-namespace'), ns)
      seen.push(...page.tags)
      const link = answer.headers.get('link')
      next = /^<([^>]+)>; rel="next"$/.exec(link ?? '')?.[1]
      assert.equal(next === undefined, link === undefined)
      if (next === undefined) break
      const url = new URL(next, setting.mirror.url)
      assert.equal(url.pathname, path)
      assert.equal(url.searchParams.get('ns'), ns)
      assert.ok(seen.length < TAGS.length, 'a Link leads to something')
    }
    assert.deepEqual(seen, TAGS)
    assert.equal(setting.asked().length, 1)
  })
}

// [query, tags, whether a Link follows]
const PAGES: [string, string[], boolean][] = [
  ['', TAGS, false],
  ['?n=0', [], false],
  ['?n=5', TAGS, false],
  ['?n=99999999999999999999', TAGS, false],
  ['?n=1', ['1.0'], true],
  ['?last=1.1', ['Latest', 'edge', 'latest'], false],
  ['?last=1.05', ['1.1', 'Latest', 'edge', 'latest'], false],
  ['?n=1&last=edge', ['latest'], false],
  ['?n=2&last=latest', [], false],
]

test('n says how many tags there are at most, last after which they begin', async () => {
  await using setting = await withTags()
  for (const [query, tags, hasLink] of PAGES) {
    const answer = await setting.mirror.get(LIST + query)
    assert.equal(answer.status, 200)
    assert.deepEqual(tagsOf(answer), tags, query)
    assert.equal(answer.headers.has('link'), hasLink, query)
  }
})

test('an n that is no number is 400, and nobody is asked', async () => {
  await using setting = await withTags()
  for (const n of ['-1', 'x', '1.5']) {
    const answer = await setting.mirror.get(`${LIST}?n=${n}`)
    assert.equal(answer.status, 400)
    assert.equal(errorCode(answer), 'PAGINATION_NUMBER_INVALID')
  }
  assert.deepEqual(setting.asked(), [])
})

test('a repository that upstream does not have is 404, and one request for many', async () => {
  await using setting = await Setting.start()
  for (const _ of [1, 2, 3]) {
    const answer = await setting.mirror.get('/v2/nothing/tags/list')
    assert.equal(answer.status, 404)
    assert.equal(errorCode(answer), 'NAME_UNKNOWN')
  }
  assert.equal(setting.asked().length, 1)
})

test(
  'a list is asked for again when its time is over, and then says what is new',
  OWN_CLOCK,
  async () => {
    await using setting = await withTags()
    await setting.mirror.get(LIST)
    setting.upstream.tag('library/app', 'new', image.top.digest)
    setting.upstream.tag('library/app', 'edge', undefined)
    assert.deepEqual(tagsOf(await setting.mirror.get(LIST)), TAGS)
    putClockForward(61 * 60_000)
    const now = ['1.0', '1.1', 'Latest', 'latest', 'new']
    assert.deepEqual(tagsOf(await setting.mirror.get(LIST)), now)
    assert.deepEqual(setting.asked(), [...ASKED, ...ASKED])
  },
)

for (const [what, reply] of [
  ['limits the rate', tooManyRequests(60)],
  ['answers 500', status(500)],
  ['answers 403', status(403)],
  ['sends what is no list', { status: 200, body: '[]' }],
] as const) {
  test(`upstream ${what}: the last list is answered, marked, also after a restart`, async () => {
    await using setting = await withTags(REVALIDATE_ALWAYS)
    const { mirror, upstream } = setting
    assert.deepEqual(tagsOf(await mirror.get(LIST)), TAGS)
    upstream.script({ path: '/v2/', reply })
    assertStale(await mirror.get(LIST), TAGS)
    await mirror.restart()
    assertStale(await mirror.get(LIST), TAGS)
    assertStale(await mirror.get(`${LIST}?n=2&last=1.1`), ['Latest', 'edge'])
  })
}

test('without a list the tags that were pulled are answered, marked', async () => {
  await using setting = await withTags(REVALIDATE_ALWAYS)
  const { mirror, upstream } = setting
  for (const tag of ['latest', '1.1']) await mirror.get(`/v2/app/manifests/${tag}`)
  upstream.script({ reply: status(500) })
  assertStale(await mirror.get(LIST), ['1.1', 'latest'])
  // What was answered so is not kept as upstream's.
  upstream.clearScript()
  assert.deepEqual(tagsOf(await mirror.get(LIST)), TAGS)
})

// [errors document, the answer to the list, whether tags that were pulled are answered instead]
for (const [what, reply, isList] of [
  ['without', { status: 404, body: '<Code>BlobNotFound</Code>' }, true],
  ['with', status(404), false],
] as const) {
  const answered = isList ? 'the tags that were pulled, marked' : '404, whatever was pulled'
  test(`a 404 to the list ${what} the errors document: ${answered}`, async () => {
    await using setting = await withTags()
    const { mirror, upstream } = setting
    for (const tag of ['latest', '1.1']) await mirror.get(`/v2/app/manifests/${tag}`)
    upstream.script({ path: '/tags/list', reply })
    for (const _ of [1, 2]) {
      const answer = await mirror.get(LIST)
      if (isList) assertStale(answer, ['1.1', 'latest'])
      else assert.equal(errorCode(answer), 'NAME_UNKNOWN')
    }
    const unknown = await mirror.get('/v2/other/tags/list')
    assert.equal(unknown.status, 404)
    assert.equal(errorCode(unknown), 'NAME_UNKNOWN')
  })
}

// Before the origin stands a copy of it that has these tags.
async function withCopy(
  setting: Setting,
  tags: readonly string[],
  changes: ConfigChanges,
): Promise<ScriptedUpstream> {
  const copy = await ScriptedUpstream.start()
  for (const tag of tags) copy.addImage('library/app', tag, image)
  const endpoints = [copy.url, setting.upstream.url]
  await setting.mirror.restart({ ...changes, registries: { 'docker.io': { endpoints } } })
  return copy
}

test('while the origin fails, who copies it adds tags and takes none away', async () => {
  await using setting = await withTags()
  const { mirror, upstream } = setting
  await mirror.get(LIST)
  await using copy = await withCopy(setting, ['1.0', '2.0'], REVALIDATE_ALWAYS)
  assert.deepEqual(tagsOf(await mirror.get(LIST)), TAGS)
  assert.equal(copy.log.all.length, 0)
  upstream.script({ reply: status(500) })
  const both = ['1.0', '1.1', '2.0', 'Latest', 'edge', 'latest']
  assertStale(await mirror.get(LIST), both)
  await copy.close()
  assertStale(await mirror.get(LIST), both)
  upstream.clearScript()
  const answer = await mirror.get(LIST)
  assert.deepEqual(tagsOf(answer), TAGS)
  assert.equal(answer.headers.get('warning'), undefined)
})

test('a list that only who copies the origin gave is kept, but never fresh', async () => {
  await using setting = await withTags()
  const { mirror, upstream } = setting
  await using copy = await withCopy(setting, ['0.9'], {})
  upstream.script({ reply: status(500) })
  for (const _ of [1, 2]) assertStale(await mirror.get(LIST), ['0.9'])
  assert.ok(copy.log.all.length > 0)
  await mirror.restart({ offline: true })
  assertStale(await mirror.get(LIST), ['0.9'])
  await mirror.restart({ offline: false })
  upstream.clearScript()
  const answer = await mirror.get(LIST)
  assert.deepEqual(tagsOf(answer), TAGS)
  assert.equal(answer.headers.get('warning'), undefined)
})

test('nothing known and upstream gone is an error that sends clients to the origin', async () => {
  await using setting = await withTags()
  await setting.upstream.close()
  const answer = await setting.mirror.get(LIST)
  assert.ok([502, 503, 504].includes(answer.status), `${answer.status}`)
  assert.equal(errorCode(answer), 'UNAVAILABLE')
})

test('upstream is slow: the last list is answered, and the new one is there soon after', async () => {
  await using setting = await withTags({ ...REVALIDATE_ALWAYS, staleAfterMs: 50 })
  const { mirror, upstream } = setting
  await mirror.get(LIST)
  upstream.tag('library/app', 'new', image.top.digest)
  upstream.script({ path: '/tags/list', times: 1, reply: { holdHeaders: true } })
  assertStale(await mirror.get(LIST), TAGS)
  upstream.release()
  await mirror.restart({ staleAfterMs: 30_000 })
  assert.deepEqual(tagsOf(await mirror.get(LIST)), [...TAGS, 'new'])
})

test('declared offline nobody is asked: what is stored, else what was pulled, else 404', async () => {
  await using setting = await withTags()
  const { mirror, upstream } = setting
  await mirror.get(LIST)
  await mirror.get('/v2/ghcr.io/org/app/manifests/edge')
  await mirror.restart({ offline: true })
  setting.asked()
  const { connections } = upstream
  assertStale(await mirror.get(LIST), TAGS)
  assertStale(await mirror.get('/v2/ghcr.io/org/app/tags/list'), ['edge'])
  const unknown = await mirror.get('/v2/other/tags/list')
  assert.equal(unknown.status, 404)
  assert.equal(errorCode(unknown), 'NAME_UNKNOWN')
  assert.deepEqual(setting.asked(), [])
  assert.equal(upstream.connections, connections)
})

test('a list that upstream never ends is answered as far as it goes, and the log says so', async () => {
  await using setting = await withTags()
  const link = `</v2/library/app/tags/list?n=1000&last=latest>; rel="next"`
  setting.upstream.script({ path: '/tags/list', reply: { headers: { link } } })
  assert.deepEqual(tagsOf(await setting.mirror.get(LIST)), TAGS)
  const told = setting.mirror.logged(/^docker\.io\/library\/app has more tags than the 5/)
  assert.notEqual(await within(5000, told), 'slow')
})
