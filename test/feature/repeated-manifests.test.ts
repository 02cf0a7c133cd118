// A manifest that is asked for again is answered out of memory: on the wire nobody can tell.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { Setting } from '../support/test-mirror.ts'
import { connectTo, firstResponse, untilClosed } from './raw-talk.ts'

const MIB = 2 ** 20
const image = buildImage({ seed: 'repeated', form: 'oci', architectures: ['amd64'] })
const { top } = image
const manifest = image.manifests.get(top.digest)?.bytes ?? Buffer.alloc(0)
const TAG = '/v2/app/manifests/latest'
const DIGEST = `/v2/app/manifests/${top.digest}`
const blob = heldContent(seededContent('before a manifest', 8 * MIB + 5))
const BLOB = `/v2/app/blobs/${blob.digest}`

async function withImage(): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', image)
  setting.upstream.addBlob('library/app', blob)
  await setting.mirror.get(TAG)
  return setting
}

/** What comes back until the connection ends, without what tells the time. */
async function answersTo(setting: Setting, request: string): Promise<string> {
  const socket = await connectTo(setting.mirror.url)
  const talk = untilClosed(socket)
  socket.write(request)
  const { received } = await talk
  return received.toString('latin1').replaceAll(/^Date: .*\r\n/gim, '')
}

const LAST = 'Connection: close\r\n'
const MATCHING = `If-None-Match: "${top.digest}"\r\n`
const OTHER = 'If-None-Match: "sha256:0"\r\n'

test('the first and every later answer are the same bytes, whatever is asked in whatever way', async () => {
  await using setting = await withImage()
  setting.asked()
  for (const target of [TAG, DIGEST, `${TAG}?ns=docker.io`]) {
    for (const method of ['GET', 'HEAD']) {
      for (const version of ['1.1', '1.0']) {
        for (const more of ['', MATCHING, OTHER, 'Range: bytes=0-9\r\n', 'Accept: text/html\r\n']) {
          const host = `Host: box${version}${more.length}\r\n`
          const request = `${method} ${target} HTTP/${version}\r\n${host}${more}${LAST}\r\n`
          const answers = []
          for (let n = 0; n < 3; n += 1) answers.push(await answersTo(setting, request))
          const [first = ''] = answers
          assert.match(first, more === MATCHING ? /^HTTP\/1\.1 304 / : /^HTTP\/1\.1 200 /)
          assert.deepEqual(answers, [first, first, first], request)
        }
      }
    }
  }
  assert.deepEqual(setting.asked(), [])
})

test('a manifest asked for behind a blob on one connection comes behind all of its bytes', async () => {
  await using setting = await withImage()
  const { mirror } = setting
  await mirror.get(BLOB)
  const ask = (path: string, more = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: box\r\n${more}\r\n`
  // So that it is remembered for this host.
  for (let n = 0; n < 2; n += 1) await answersTo(setting, ask(TAG, LAST))
  const socket = await connectTo(mirror.url)
  const talk = untilClosed(socket)
  const asked = [BLOB, TAG, TAG, BLOB, TAG]
  socket.write(asked.map((path, n) => ask(path, n === asked.length - 1 ? LAST : '')).join(''))
  let { received: rest } = await talk
  for (const path of asked) {
    const response = firstResponse(rest)
    assert.ok(response.body.equals(path === TAG ? manifest : blob.bytes), path)
    rest = response.rest
  }
  assert.equal(rest.length, 0)
})
