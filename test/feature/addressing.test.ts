import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'addressing', form: 'oci', architectures: ['arm64'] })

// [what, path, the repository that upstream is asked for, OCI-Namespace of the answer]
const ADDRESSES: [string, string, string, string | undefined][] = [
  ['no registry is the default one', '/v2/some/app/manifests/1', 'some/app', undefined],
  ['a bare name at Docker Hub gets library/', '/v2/app/manifests/1', 'library/app', undefined],
  ['ns names the registry', '/v2/some/app/manifests/1?ns=ghcr.io', 'some/app', 'ghcr.io'],
  ['ns is compared without case', '/v2/some/app/manifests/1?ns=GHCR.io', 'some/app', 'GHCR.io'],
  [
    'ns may be percent-encoded',
    '/v2/some/app/manifests/1?ns=lab.test%3A5000',
    'some/app',
    'lab.test:5000',
  ],
  [
    'ns by another name of Docker Hub',
    '/v2/app/manifests/1?ns=registry-1.docker.io',
    'library/app',
    'registry-1.docker.io',
  ],
  ['a prefix names the registry', '/v2/ghcr.io/some/app/manifests/1', 'some/app', undefined],
  ['a prefix with a port', '/v2/lab.test:5000/app/manifests/1', 'app', undefined],
  [
    'a prefix with docker.io and a bare name',
    '/v2/docker.io/app/manifests/1',
    'library/app',
    undefined,
  ],
  ['a bare name of another registry stays bare', '/v2/ghcr.io/app/manifests/1', 'app', undefined],
  [
    'prefix and ns that agree count once',
    '/v2/ghcr.io/some/app/manifests/1?ns=ghcr.io',
    'some/app',
    undefined,
  ],
  [
    'a prefix wins over another ns',
    '/v2/docker.io/app/manifests/1?ns=ghcr.io',
    'library/app',
    undefined,
  ],
  ['an alias that is no host', '/v2/lab/app/manifests/1', 'app', undefined],
]

for (const [what, path, repository, namespace] of ADDRESSES) {
  test(`${what}: ${path}`, async () => {
    await using setting = await Setting.start()
    setting.upstream.addImage(repository, '1', image)
    const answer = await setting.mirror.get(path)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
    assert.equal(answer.headers.get('oci-namespace'), namespace)
    assert.deepEqual(setting.asked(), [
      `HEAD ${repository}/manifests/1`,
      `GET ${repository}/manifests/${image.top.digest}`,
    ])
  })
}

for (const path of [
  '/v2/some/app/manifests/1?ns=evil.test',
  '/v2/evil.test/some/app/manifests/1',
  '/v2/127.0.0.1:1/some/app/manifests/1',
  '/v2/localhost/some/app/manifests/1',
  `/v2/evil.test/app/blobs/${image.top.digest}`,
]) {
  test(`a registry that is not configured is unknown and never dialled: ${path}`, async () => {
    await using setting = await Setting.start()
    const answer = await setting.mirror.get(path)
    assert.equal(answer.status, 404)
    assert.equal(errorCode(answer), 'NAME_UNKNOWN')
    assert.equal(answer.headers.get('oci-namespace'), undefined)
    assert.equal(setting.upstream.connections, 0)
  })
}

test('an address in ns is not dialled, though something listens there', async () => {
  await using setting = await Setting.start()
  await using other = await Setting.start()
  other.upstream.addImage('some/app', '1', image)
  const { host } = new URL(other.upstream.url)
  for (const path of [
    `/v2/some/app/manifests/1?ns=${encodeURIComponent(host)}`,
    `/v2/${host}/some/app/manifests/1`,
  ]) {
    assert.equal((await setting.mirror.get(path)).status, 404)
  }
  assert.equal(other.upstream.connections + setting.upstream.connections, 0)
})

test('the same repository by ns and by prefix is one repository', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('some/app', '1', image)
  await setting.mirror.get('/v2/some/app/manifests/1?ns=ghcr.io')
  setting.asked()
  assert.equal((await setting.mirror.get('/v2/ghcr.io/some/app/manifests/1')).status, 200)
  assert.deepEqual(setting.asked(), [])
})

test('the same name in two registries is two repositories', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('some/app', '1', image)
  await setting.mirror.get('/v2/some/app/manifests/1?ns=ghcr.io')
  setting.asked()
  assert.equal((await setting.mirror.get('/v2/some/app/manifests/1')).status, 200)
  // The bytes are held; that this repository has them too is asked for.
  assert.deepEqual(setting.asked({ method: 'GET' }), [])
})

test('a name no repository can have is refused, and errors of ns echo it', async () => {
  await using setting = await Setting.start()
  const upper = await setting.mirror.get('/v2/some/App/manifests/1?ns=ghcr.io')
  assert.equal(upper.status, 400)
  assert.equal(errorCode(upper), 'NAME_INVALID')
  const missing = await setting.mirror.get('/v2/some/app/manifests/1?ns=ghcr.io')
  assert.equal(missing.status, 404)
  assert.equal(missing.headers.get('oci-namespace'), 'ghcr.io')
})
