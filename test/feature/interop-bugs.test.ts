// What went wrong in other mirrors and clients, each by a test. Of the 28 known ones these are
// protected elsewhere (a number is a row of the list that this project started with):
//
//    1 200 and no body after clean-up        damaged-store; decision-tables: a layer that was evicted
//    2 a download each, tied to one client   shared-downloads; e2e/herd
//    3 a cut download passed on as whole     broken-downloads
//    4 a page taken for content              wrong-content, decision-tables
//    5 a 429 that is not answered from here  stale-tags
//    6 the wrong code for what is missing    quirks: what is not there is not there
//    8 corrupt content passed on             wrong-content
//    9 a manifest under /blobs               protocol: the digest of a manifest under /blobs ...
//   10 resume with a wrong size              ranges, broken-downloads
//   12 HEAD of a blob refused                quirks: Amazon public
//   13 a digest header that is not true      wrong-content; quirks: a digest header ...
//   14 library/ and prefixes lost            addressing
//   15 the mirror dies in mid pull           e2e/shutdown
//   16 schema 1                              quirks: Quay, Microsoft
//   20 relative and signed redirects         upstream-redirects; quirks: Google, a signed URL ...
//   21 ranges one past the end               ranges
//   22 gzip that nobody asked for            wrong-content; quirks: Quay, Red Hat
//   23 referrers by a redirect to a page     upstream-lists, referrers
//   24 several challenges, unquoted          unit/upstream/challenge; quirks: Gitea, Google
//   27 200 for referrers that nobody knows   referrers
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { bearerChallenge, status, tooManyRequests } from '../support/scripted-reply.ts'
import { REVALIDATE_ALWAYS, Setting, TestMirror } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'
import { RegistryDouble, error, json, plain } from '../support/registry-double.ts'
import type { Handler } from '../support/registry-double.ts'

const MIB = 2 ** 20
const image = buildImage({ seed: 'interop', form: 'oci' })
const newer = buildImage({ seed: 'interop, newer', form: 'oci' })
const [child] = image.platforms

// 7
test('no client is ever asked for a login, whatever upstream asks us for', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  await pullWhole(mirror, 'app', '1', image)
  for (const reply of [status(401), status(403), bearerChallenge(`${upstream.url}/token`, 'x')]) {
    upstream.clearScript()
    upstream.script({ path: '/v2/', reply })
    for (const path of [
      '/v2/',
      '/v2/app/manifests/1',
      '/v2/app/manifests/other',
      `/v2/app/manifests/${newer.top.digest}`,
      `/v2/app/blobs/${newer.top.digest}`,
      '/v2/app/tags/list',
      `/v2/app/referrers/${image.top.digest}`,
    ]) {
      const answer = await mirror.get(path)
      assert.notEqual(answer.status, 401, path)
      assert.equal(answer.headers.get('www-authenticate'), undefined, path)
    }
  }
})

// 11
test('an index that is here and a child that upstream fails on for a moment: the pull goes on', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  assert.equal((await mirror.get('/v2/app/manifests/1')).status, 200)
  // podman has no other place to go once it has the index.
  const path = `/manifests/${child?.manifest.digest}`
  upstream.script({ path, times: 2, reply: status(503) })
  assert.equal((await mirror.get(`/v2/app${path}`)).status, 200)
  assert.equal(setting.asked({ path }).length, 3)
})

// 17
test('each endpoint has its own way in: a token of the one is never sent to the other', async () => {
  const wanting = (name: string): Handler => {
    return (asked, double) => {
      if (asked.path === '/token') return json({ token: double.newToken(name) })
      const { authorization } = asked.headers
      if (double.scopeOf(asked) === name) return plain(asked, double)
      // A strange token is no 401, so that it would be seen.
      if (authorization !== undefined) return error(500, 'UNKNOWN')
      const challenge = `Bearer realm="${double.url('registry')}/token",scope="${name}"`
      return error(401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
    }
  }
  await using first = await RegistryDouble.start('library/app', image, { registry: wanting('one') })
  await using second = await RegistryDouble.start('library/app', newer, {
    registry: wanting('two'),
  })
  const endpoints = [first.url('registry'), second.url('registry')]
  await using mirror = await TestMirror.start({ registries: { 'docker.io': { endpoints } } })
  await pullWhole(mirror, 'app', '1', image)
  const { digest } = newer.top
  assert.equal((await mirror.get(`/v2/app/manifests/${digest}`)).status, 200)
})

// 18
test('what a mirror of Docker Hub does not carry is asked of Docker Hub, at no wait', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  // Each of the two has its own repositories; a mirror that answers 404 has never heard of most.
  await using popular = await RegistryDouble.start('library/popular', image, { registry: plain })
  upstream.addImage('library/rare', '1', newer)
  const endpoints = [popular.url('registry'), upstream.url]
  await mirror.restart({ registries: { 'docker.io': { endpoints } } })
  await pullWhole(mirror, 'popular', '1', image)
  assert.deepEqual(setting.asked(), [])
  popular.counts()
  await pullWhole(mirror, 'rare', '1', newer)
  const rare = setting.asked()
  // Layers that both images have are not asked for again.
  assert.ok(rare.length > newer.manifests.size)
  assert.equal(popular.counts().registry, rare.length)
})

// 19
test('what is cached is served with upstream and its token server gone, after a restart too', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  upstream.needsToken = true
  upstream.addImage('library/app', '1', image)
  await pullWhole(mirror, 'app', '1', image)
  await stored(mirror, image)
  await upstream.close()
  await pullWhole(mirror, 'app', '1', image)
  await mirror.restart()
  await pullWhole(mirror, 'app', '1', image)
})

// 25
test('a token server whose clock is wrong: its tokens are good for as long as it says, from now', async () => {
  const clocks = [Date.UTC(2099, 0), Date.UTC(1999, 0)]
  for (const clock of clocks) {
    const registry: Handler = (asked, double) => {
      if (asked.path === '/token') {
        const issued = new Date(clock).toISOString()
        return json({ token: double.newToken('x'), expires_in: 300, issued_at: issued })
      }
      if (double.scopeOf(asked) === 'x') return plain(asked, double)
      const challenge = `Bearer realm="${double.url('registry')}/token",scope="x"`
      return error(401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
    }
    await using double = await RegistryDouble.start('library/app', image, { registry })
    const registries = { 'docker.io': double.url('registry') }
    await using mirror = await TestMirror.start({ registries })
    await pullWhole(mirror, 'app', '1', image)
    assert.equal(double.log.filter(({ path }) => path === '/token').length, 1)
  }
})

// 26
test('dozens of ranges that their clients leave early: one download, no error, nothing lost', async () => {
  const big = heldContent(seededContent('interop', 24 * MIB))
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  upstream.addBlob('library/app', big)
  const path = `/v2/app/blobs/${big.digest}`
  const reply = { stall: { after: 4 * MIB } }
  upstream.script({ path: '/blobs/', times: 1, reply })
  const first = await mirror.open(path)
  for (let n = 0; n < 48; n += 1) {
    const range = `bytes=${n * (MIB / 2)}-`
    const response = await mirror.open(path, { headers: { range } })
    assert.equal(response.status, 206, range)
    response.leave()
  }
  upstream.release()
  assert.ok((await first.body()).equals(big.bytes))
  await mirror.published(big.digest)
  assert.equal(setting.asked().length, 1)
  assert.deepEqual(
    mirror.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})

// 28
test('a tag that moves between HEAD and GET: the digest of the HEAD can still be had', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  const head = await mirror.head('/v2/app/manifests/1')
  assert.equal(head.headers.get('docker-content-digest'), image.top.digest)
  upstream.addImage('library/app', '1', newer)
  const moved = await mirror.get('/v2/app/manifests/1')
  assert.equal(moved.headers.get('docker-content-digest'), newer.top.digest)
  for (const { top, manifests } of [image, newer]) {
    const answer = await mirror.get(`/v2/app/manifests/${top.digest}`)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, manifests.get(top.digest)?.bytes)
  }
})

// 5, for the whole of an image
test('a pull of what is held goes through while upstream limits everything', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  await pullWhole(mirror, 'app', '1', image)
  upstream.script({ reply: tooManyRequests() })
  await pullWhole(mirror, 'app', '1', image)
})
