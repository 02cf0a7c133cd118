// Lists of one registry, asked page by page.
import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/name.ts'
import { referrersIndex } from '../../src/oci/referrers.ts'
import type { TagList, UpstreamRegistry } from '../../src/upstream/upstream.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import {
  NAME,
  redirectTo,
  registryOf,
  sendError,
  sendJson,
  sendPage,
  serve,
  upstreamError,
} from './upstream-server.ts'
import type { Server } from './upstream-server.ts'

const SUBJECT = digestOf(Buffer.from('subject'))
const MISSING = parseRepositoryName('nope/missing') ?? NAME
const LIST = '/v2/library/nginx/tags/list'
const INDEX = MEDIA_TYPES.oci.index
const NEXT = (query: string): string => `<${LIST}?${query}>; rel="next"`

function referrer(n: number) {
  const bytes = Buffer.from(`referrer ${n}`)
  const artifactType = `application/vnd.example.${n}`
  return { mediaType: MEDIA_TYPES.oci.manifest, digest: digestOf(bytes), size: n, artifactType }
}

function sendIndex(response: ServerResponse, manifests: object[], link?: string): void {
  response.writeHead(200, { 'content-type': INDEX, ...(link !== undefined && { link }) })
  response.end(referrersIndex(manifests as never))
}

// Answers with one page after the other, each with a Link to the next.
function inPages(pages: readonly unknown[]): RequestListener {
  return (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const page = Number(searchParams.get('page') ?? 0)
    const hasMore = page + 1 < pages.length
    if (hasMore) response.setHeader('link', NEXT(`n=${searchParams.get('n')}&page=${page + 1}`))
    sendJson(response, { name: 'library/nginx', tags: pages[page] })
  }
}

// Of a registry that has a list.
async function tagsOf(registry: UpstreamRegistry): Promise<TagList> {
  const list = await registry.listTags(NAME)
  assert.ok(typeof list === 'object')
  return list
}

function heard(descriptors: readonly object[]) {
  return { descriptors, isAnonymous: true, isOrigin: true }
}

function queries(server: Server): string[] {
  return server.asked.map(({ line, query }) => `${line.replace(`GET ${LIST}`, '')}?${query}`)
}

test('every page of a tag list is asked for, 1000 at a time, and the tags are sorted', async (t) => {
  const server = await serve(
    t,
    inPages([
      ['b', 'a'],
      ['B', '1.0'],
      ['a', 'c'],
    ]),
  )
  const list = await registryOf(t, [server.url]).listTags(NAME)
  const tags = ['1.0', 'B', 'a', 'b', 'c']
  assert.deepEqual(list, { tags, isCut: false, isAnonymous: true, isOrigin: true })
  assert.deepEqual(queries(server), ['?n=1000', '?n=1000&page=1', '?n=1000&page=2'])
})

test('what is no tag is left out', async (t) => {
  const server = await serve(t, inPages([['ok', '', '.hidden', 'a/b', 'x'.repeat(129), 7, null]]))
  assert.deepEqual((await tagsOf(registryOf(t, [server.url]))).tags, ['ok'])
})

test('no tags may be written as null', async (t) => {
  const server = await serve(t, (_, response) => sendJson(response, { name: NAME, tags: null }))
  assert.deepEqual((await tagsOf(registryOf(t, [server.url]))).tags, [])
})

for (const [what, body] of [
  ['no JSON', 'tags: [a]'],
  ['JSON without tags', '{"name":"library/nginx"}'],
  ['tags that are no list', '{"tags":{"a":1}}'],
  ['a list on its own', '["a"]'],
] as const) {
  test(`${what} is a bad response, not an empty list of tags`, async (t) => {
    const server = await serve(t, (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    )
    const asked = registryOf(t, [server.url]).listTags(NAME)
    await assert.rejects(asked, upstreamError('bad-response', /no list of tags/))
  })
}

test('a repository that is missing has no tags, and none that are unknown', async (t) => {
  const server = await serve(t, (_, response) => sendError(response, 404))
  assert.equal(await registryOf(t, [server.url]).listTags(NAME), undefined)
})

for (const status of [400, 405]) {
  test(`a registry that answers ${status} to n is asked without`, async (t) => {
    const server = await serve(t, (request, response) =>
      request.url?.includes('n=')
        ? sendError(response, status)
        : sendJson(response, { tags: ['a'] }),
    )
    assert.deepEqual((await tagsOf(registryOf(t, [server.url]))).tags, ['a'])
    assert.deepEqual(queries(server), ['?n=1000', '?'])
  })
}

test('a registry that refuses any list is asked with n and without, and no more', async (t) => {
  const server = await serve(t, (_, response) => sendError(response, 405))
  const asked = registryOf(t, [server.url]).listTags(NAME)
  await assert.rejects(asked, upstreamError('bad-response'))
  assert.equal(server.asked.length, 2)
})

for (const what of ['another host', 'another scheme']) {
  test(`a Link to ${what} is never followed, and the half list is no list`, async (t) => {
    const elsewhere = await serve(t, (_, response) => sendJson(response, { tags: ['evil'] }))
    const server = await serve(t, (request, response) => {
      const own = `https://${request.headers.host}`
      const target = what === 'another host' ? elsewhere.url : own
      response.setHeader('link', `<${target}${LIST}?last=a>; rel="next"`)
      sendJson(response, { tags: ['a'] })
    })
    const asked = registryOf(t, [server.url]).listTags(NAME)
    await assert.rejects(asked, upstreamError('bad-response', /a Link to another host/))
    assert.equal(elsewhere.connections, 0)
    assert.equal(server.asked.length, 1)
  })
}

test('an absolute Link to the registry itself is followed', async (t) => {
  const server = await serve(t, (request, response) => {
    const first = !request.url?.includes('last')
    const target = `http://${request.headers.host}${LIST}?last=a`
    if (first) response.setHeader('link', `<${target}>; rel="next"`)
    sendJson(response, { tags: first ? ['a'] : ['b'] })
  })
  assert.deepEqual((await tagsOf(registryOf(t, [server.url]))).tags, ['a', 'b'])
})

test('Links that lead in a circle end, and the list is called cut', async (t) => {
  const server = await serve(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const isSecond = searchParams.get('last') === 'b'
    response.setHeader('link', NEXT(isSecond ? 'last=a' : 'last=b'))
    sendJson(response, { tags: [isSecond ? 'b' : 'a'] })
  })
  const list = await registryOf(t, [server.url]).listTags(NAME)
  assert.deepEqual(list, { tags: ['a', 'b'], isCut: true, isAnonymous: true, isOrigin: true })
  assert.equal(server.asked.length, 3)
})

test('a list without end is cut after so many pages', async (t) => {
  let page = 0
  const server = await serve(t, (_, response) => {
    page += 1
    response.setHeader('link', NEXT(`page=${page}`))
    sendJson(response, { tags: [`tag-${page}`] })
  })
  const list = await tagsOf(registryOf(t, [server.url], { limits: { tagPagesMax: 4 } }))
  assert.deepEqual(list.tags, ['tag-1', 'tag-2', 'tag-3', 'tag-4'])
  assert.equal(list.isCut, true)
  assert.equal(server.asked.length, 4)
})

test('asked without the login, one page tells that the tags can be read', async (t) => {
  const server = await serve(t, inPages([['a'], ['b'], ['c']]))
  const list = await registryOf(t, [server.url]).listTags(NAME, { anonymously: true })
  assert.deepEqual(list, { tags: ['a'], isCut: true, isAnonymous: true, isOrigin: true })
  assert.equal(server.asked.length, 1)
})

test('a list with more tags than anybody reads is cut', async (t) => {
  const server = await serve(t, inPages([['a', 'b'], ['c', 'd'], ['e']]))
  const registry = registryOf(t, [server.url], { limits: { tagsMax: 3 } })
  const list = await registry.listTags(NAME)
  assert.deepEqual(list, { tags: ['a', 'b', 'c'], isCut: true, isAnonymous: true, isOrigin: true })
  assert.equal(server.asked.length, 2)
})

test('a page of more bytes than is read is a bad response', async (t) => {
  const server = await serve(t, inPages([['a'.repeat(100), 'b'.repeat(100)]]))
  const registry = registryOf(t, [server.url], { limits: { tagPageMaxBytes: 150 } })
  await assert.rejects(registry.listTags(NAME), upstreamError('bad-response', /a page of tags/))
})

test('a list is of one endpoint: where its second page fails, the next is asked from the start', async (t) => {
  const copy = await serve(t, inPages([['a'], ['b']]))
  const broken = await serve(t, (request, response) => {
    if (request.url?.includes('page')) return sendError(response, 500)
    return inPages([['only-here'], []])(request, response)
  })
  const list = await tagsOf(registryOf(t, [copy.url, broken.url], { limits: { tries: 1 } }))
  assert.deepEqual(list.tags, ['a', 'b'])
  assert.equal(list.isOrigin, false)
  assert.equal(copy.asked.length, 2)
})

test('the tags are asked of the origin first: who copies it may lag', async (t) => {
  const copy = await serve(t, inPages([['1.0']]))
  const origin = await serve(t, inPages([['1.0', '2.0']]))
  const list = await tagsOf(registryOf(t, [copy.url, origin.url]))
  assert.deepEqual(list.tags, ['1.0', '2.0'])
  assert.equal(list.isOrigin, true)
  assert.equal(copy.connections, 0)
})

test('the origin says that a repository is missing, and who copies it is not asked', async (t) => {
  const copy = await serve(t, inPages([['1.0']]))
  const origin = await serve(t, (_, response) => sendError(response, 404))
  assert.equal(await registryOf(t, [copy.url, origin.url]).listTags(NAME), undefined)
  assert.equal(copy.connections, 0)
})

test('a 404 without the errors document is about the list, not about the repository', async (t) => {
  const bare: RequestListener = (_, response) => response.writeHead(404).end('<BlobNotFound/>')
  const server = await serve(t, bare)
  assert.equal(await registryOf(t, [server.url]).listTags(NAME), 'no-list')
  const failing = await serve(t, (_, response) => sendError(response, 500))
  const asked = registryOf(t, [server.url, failing.url], { limits: { tries: 1 } }).listTags(NAME)
  await assert.rejects(asked, upstreamError('bad-response'), 'only the origin can say so')
})

test('an origin that says nothing leaves half of the time to who copies it', async (t) => {
  const copy = await serve(t, (request, response) =>
    request.url?.includes('referrers')
      ? sendIndex(response, [referrer(1)])
      : sendJson(response, { tags: ['1.0'] }),
  )
  const silent = await serve(t, () => undefined)
  const limits = { tagListBudgetMs: 600, referrersBudgetMs: 600 }
  const registry = registryOf(t, [copy.url, silent.url], { limits })
  assert.deepEqual((await tagsOf(registry)).tags, ['1.0'])
  const listed = await registry.listReferrers(NAME, SUBJECT)
  assert.deepEqual(listed, { ...heard([referrer(1)]), isOrigin: false })
})

test('a redirect of a tag list is followed, and so is the second page of it', async (t) => {
  const home = await serve(t, inPages([['a'], ['b']]))
  const front = await serve(t, (request, response) => redirectTo(response, home.url + request.url))
  assert.deepEqual((await tagsOf(registryOf(t, [front.url]))).tags, ['a', 'b'])
})

test('referrers come as upstream wrote them, every page of them', async (t) => {
  const more = { ...referrer(2), annotations: { a: 'b' }, data: 'e30=' }
  const server = await serve(t, (request, response) => {
    if (request.url?.includes('page')) return sendIndex(response, [more])
    const link = `</v2/library/nginx/referrers/${SUBJECT}?page=2>; rel="next"`
    return sendIndex(response, [referrer(1)], link)
  })
  const listed = await registryOf(t, [server.url]).listReferrers(NAME, SUBJECT)
  assert.deepEqual(listed, heard([referrer(1), more]))
  assert.equal(server.asked[0]?.headers.accept, INDEX)
  assert.deepEqual([...(server.asked[0]?.query ?? [])], [], 'unfiltered')
  assert.equal(server.asked.length, 2)
})

// How registries say that they have no such API: [what, whether of all repositories, the answer].
const WITHOUT: [string, boolean, (response: ServerResponse) => void][] = [
  ['405', true, (response) => sendError(response, 405)],
  ['501', true, (response) => sendError(response, 501)],
  ['404 in plain text', false, (response) => response.writeHead(404).end('404 page not found\n')],
  ['406', false, (response) => sendError(response, 406)],
  ...[301, 302, 303, 307, 308].map((status): (typeof WITHOUT)[number] => [
    String(status),
    false,
    (response) => redirectTo(response, '/harbor/sign-in', status),
  ]),
]

for (const [what, isOfAll, reply] of WITHOUT) {
  test(`a registry that answers ${what} has no referrers API, and is asked again in an hour`, async (t) => {
    let skewMs = 0
    const server = await serve(t, (_, response) => reply(response))
    const registry = registryOf(t, [server.url], { now: () => Date.now() + skewMs })
    for (const _ of [1, 2, 3]) {
      assert.equal(await registry.listReferrers(NAME, SUBJECT), undefined)
    }
    assert.equal(server.asked.length, 1)
    skewMs = 61 * 60_000
    assert.equal(await registry.listReferrers(NAME, SUBJECT), undefined)
    assert.equal(server.asked.length, 2)
  })

  const them = isOfAll ? 'all of its repositories' : 'that repository alone'
  test(`${what} to a question for referrers is believed of ${them}`, async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.url?.includes(MISSING)) return reply(response)
      sendIndex(response, [referrer(1)])
    })
    const registry = registryOf(t, [server.url])
    assert.equal(await registry.listReferrers(MISSING, SUBJECT), undefined)
    const listed = await registry.listReferrers(NAME, SUBJECT)
    assert.deepEqual(listed, isOfAll ? undefined : heard([referrer(1)]))
    assert.equal(server.asked.length, isOfAll ? 1 : 2)
  })
}

test('a list shows that there is a referrers API after all, in every repository', async (t) => {
  let isThere = false
  const server = await serve(t, (request, response) => {
    if (isThere || !request.url?.includes(MISSING)) return sendIndex(response, [referrer(1)])
    redirectTo(response, '/harbor/sign-in', 301)
  })
  const registry = registryOf(t, [server.url])
  assert.equal(await registry.listReferrers(MISSING, SUBJECT), undefined)
  isThere = true
  assert.equal(await registry.listReferrers(MISSING, SUBJECT), undefined)
  await registry.listReferrers(NAME, SUBJECT)
  assert.deepEqual(await registry.listReferrers(MISSING, SUBJECT), heard([referrer(1)]))
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`a ${status} of the referrers API leads nowhere: the address is not dialled`, async (t) => {
    const web = await serve(t, (_, response) => sendIndex(response, [referrer(1)]))
    const server = await serve(t, (_, response) => redirectTo(response, `${web.url}/x`, status))
    const registry = registryOf(t, [server.url])
    assert.equal(await registry.listReferrers(NAME, SUBJECT), undefined)
    assert.equal(web.connections, 0)
  })
}

// What is no list of referrers, and says nothing of the next.
const ODD: [string, (response: ServerResponse) => void][] = [
  ['404 with an error code', (response) => sendError(response, 404)],
  ['400', (response) => sendError(response, 400)],
  ['an HTML page', (response) => sendPage(response, 200)],
  ['404 with an HTML page', (response) => sendPage(response, 404)],
  ['an index called something else', (response) => sendJson(response, { manifests: [] })],
  ['no JSON', (response) => response.writeHead(200, { 'content-type': INDEX }).end('[')],
  [
    'an object without manifests',
    (response) => response.writeHead(200, { 'content-type': INDEX }).end('{}'),
  ],
]

for (const [what, reply] of ODD) {
  test(`${what} is no list of referrers, and the next question is asked all the same`, async (t) => {
    let isOdd = true
    const server = await serve(t, (_, response) => {
      if (isOdd) reply(response)
      else sendIndex(response, [referrer(1)])
    })
    const registry = registryOf(t, [server.url])
    assert.equal(await registry.listReferrers(NAME, SUBJECT), undefined)
    isOdd = false
    assert.deepEqual(await registry.listReferrers(NAME, SUBJECT), heard([referrer(1)]))
  })
}

for (const [status, kind] of [
  [401, 'not-visible'],
  [403, 'not-visible'],
  [429, 'rate-limited'],
  [500, 'bad-response'],
  [503, 'bad-response'],
] as const) {
  test(`a ${status} does not mean that nothing refers to it`, async (t) => {
    const server = await serve(t, (_, response) => sendError(response, status))
    const asked = registryOf(t, [server.url]).listReferrers(NAME, SUBJECT)
    await assert.rejects(asked, upstreamError(kind))
  })
}

for (const [what, limits, pages] of [
  ['bytes', { referrersMaxBytes: 300 }, 2],
  ['pages', { referrersPagesMax: 3 }, 3],
] as const) {
  test(`more ${what} of referrers than are read are an error: a part would hide the rest`, async (t) => {
    let page = 0
    const server = await serve(t, (_, response) => {
      page += 1
      const link = `</v2/library/nginx/referrers/${SUBJECT}?page=${page}>; rel="next"`
      sendIndex(response, [referrer(page)], link)
    })
    const asked = registryOf(t, [server.url], { limits }).listReferrers(NAME, SUBJECT)
    await assert.rejects(asked, upstreamError('bad-response'))
    assert.equal(server.asked.length, pages)
  })
}

test('a Link of referrers to another host is never followed', async (t) => {
  const elsewhere = await serve(t, (_, response) => sendIndex(response, []))
  const server = await serve(t, (_, response) =>
    sendIndex(response, [referrer(1)], `<${elsewhere.url}/x>; rel="next"`),
  )
  const asked = registryOf(t, [server.url]).listReferrers(NAME, SUBJECT)
  await assert.rejects(asked, upstreamError('bad-response'))
  assert.equal(elsewhere.connections, 0)
})

async function twoEndpoints(t: TestContext, first: RequestListener, origin: RequestListener) {
  const servers = [await serve(t, first), await serve(t, origin)]
  return registryOf(
    t,
    servers.map(({ url }) => url),
  )
}

test('referrers are asked of the origin first: who copies it may not have them yet', async (t) => {
  for (const copied of [[], [referrer(2)]]) {
    const copy = await serve(t, (_, response) => sendIndex(response, copied))
    const origin = await serve(t, (_, response) => sendIndex(response, [referrer(1)]))
    const registry = registryOf(t, [copy.url, origin.url])
    assert.deepEqual(await registry.listReferrers(NAME, SUBJECT), heard([referrer(1)]))
    assert.equal(copy.connections, 0)
  }
})

test('where the origin fails, who copies it is asked, and its empty list is no answer', async (t) => {
  let copied: object[] = []
  const registry = await twoEndpoints(
    t,
    (_, response) => sendIndex(response, copied),
    (_, response) => sendError(response, 500),
  )
  const asked = registry.listReferrers(NAME, SUBJECT)
  await assert.rejects(asked, upstreamError('bad-response', /answered 500/))
  copied = [referrer(1)]
  const listed = await registry.listReferrers(NAME, SUBJECT)
  assert.deepEqual(listed, { ...heard(copied), isOrigin: false })
})

test('the origin says whether there is an API, although an endpoint before it is broken', async (t) => {
  const registry = await twoEndpoints(
    t,
    (_, response) => sendError(response, 500),
    (_, response) => response.writeHead(404).end('404 page not found\n'),
  )
  assert.equal(await registry.listReferrers(NAME, SUBJECT), undefined)
})

test('an endpoint without the API does not answer for an origin that failed', async (t) => {
  const registry = await twoEndpoints(
    t,
    (_, response) => response.writeHead(404).end('404 page not found\n'),
    (_, response) => sendError(response, 500),
  )
  for (const _ of [1, 2]) {
    await assert.rejects(registry.listReferrers(NAME, SUBJECT), upstreamError('bad-response'))
  }
})

test('declared offline no list is asked for', async (t) => {
  const server = await serve(t, inPages([['a']]))
  const registry = registryOf(t, [server.url], { offline: true })
  await assert.rejects(registry.listTags(NAME), upstreamError('offline'))
  await assert.rejects(registry.listReferrers(NAME, SUBJECT), upstreamError('offline'))
  assert.equal(server.connections, 0)
})
