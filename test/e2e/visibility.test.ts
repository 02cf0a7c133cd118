// Public and private repositories of one real registry, one login, real clients: who may read what.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget } from '../support/client-tools.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import { formsOf } from '../support/no-secrets.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { TokenServer } from '../support/token-server.ts'

const USER = 'robot'
const PASSWORD = 'robots-own-word'
const SECRETS = formsOf(USER, PASSWORD)
const NAMES = ['team/open', 'team/closed', 'team/shut'] as const
type Name = (typeof NAMES)[number]

const CLIENTS: readonly {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient>
}[] = [
  { name: 'skopeo', skip: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', skip: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
]

// What may be read behind a token server, where team/open is public, and behind Basic, where nothing is.
const POLICIES: [string, Name[], Name[]][] = [
  ['deny', ['team/open'], []],
  ['everyone', [...NAMES], [...NAMES]],
  ['team/closed', ['team/open', 'team/closed'], ['team/closed']],
  ['other/*,team/{shut,open}', ['team/open', 'team/shut'], ['team/open', 'team/shut']],
]

const skipAll = unavailable('docker-registry', 'openssl', 'htpasswd') ?? false

// Each test has a mirror of its own.
describe('public and private', { skip: skipAll, timeout: 200_000, concurrency: 3 }, () => {
  const images = new Map(
    NAMES.map((name) => [name, buildImage({ seed: name, form: 'oci', architectures: ['amd64'] })]),
  )
  const stack = new AsyncDisposableStack()
  let secretFile = ''
  let tokens: DockerRegistry
  let basic: DockerRegistry

  before(async () => {
    const temp = stack.use(new TempFolder('visibility'))
    const folder = temp.join('content')
    secretFile = temp.join('login')
    writeFileSync(secretFile, `${USER}:${PASSWORD}\n`)
    const plain = stack.use(await DockerRegistry.start({ folder }))
    for (const [name, image] of images) await pushImage(plain.url, name, '1', image)
    const server = stack.use(await TokenServer.start())
    server.users = { [USER]: PASSWORD }
    for (const name of ['team/closed', 'team/shut']) server.needLogin.add(name)
    const login = { user: USER, password: PASSWORD }
    tokens = stack.use(await DockerRegistry.start({ folder, tokens: server }))
    basic = stack.use(await DockerRegistry.start({ folder, login }))
  })
  after(() => stack.disposeAsync())

  function mirrorOf(url: string, args: string[]): Promise<RegMirror> {
    const login = ['--credentials', `docker.io=file:${secretFile}`]
    return RegMirror.start({
      registries: { 'docker.io': url },
      args: [...login, ...args],
      secrets: SECRETS,
    })
  }

  async function readable(client: ImageClient): Promise<Name[]> {
    const names: Name[] = []
    for (const [name, image] of images) {
      const digest = await client.pull(`docker.io/${name}:1`).catch(() => undefined)
      if (digest === undefined) continue
      assert.equal(digest, image.top.digest)
      names.push(name)
    }
    return names
  }

  for (const { name, skip, start } of CLIENTS) {
    for (const [policy, behindTokens, behindBasic] of POLICIES) {
      test(`${name} reads what ${policy} lets it read`, { skip: skip ?? false }, async () => {
        const doors = [[tokens, behindTokens] as const, [basic, behindBasic] as const]
        // podman takes seconds to give up on an origin that is not there.
        for (const [door, expected] of name === 'podman' ? doors.slice(0, 1) : doors) {
          await using mirror = await mirrorOf(door.url, ['--private', `docker.io=${policy}`])
          await using client = await start({ url: mirror.url })
          assert.deepEqual(await readable(client), expected)
        }
      })
    }
  }

  test('what is held stays with those who may read it, over restarts and without upstream', async () => {
    await using door = await CountingProxy.start(tokens.url)
    await using mirror = await mirrorOf(door.url, [])
    const read = async (): Promise<Name[]> => {
      const answers = NAMES.map(async (name) => {
        const image = images.get(name)
        const layer = image?.platforms[0]?.layers.at(-1)?.digest ?? ''
        const urls = [
          mirror.manifestUrl('docker.io', name, '1'),
          mirror.blobUrl('docker.io', name, layer),
        ]
        const codes = await Promise.all(urls.map(async (url) => (await fetch(url)).status))
        assert.equal(codes[0], codes[1])
        return codes[0] === 200 ? [name] : []
      })
      return (await Promise.all(answers)).flat()
    }
    assert.deepEqual(await read(), ['team/open'])
    await mirror.stop()
    await mirror.restart(['--private', 'docker.io=everyone'])
    assert.deepEqual(await read(), [...NAMES])
    await mirror.stop()
    await mirror.restart(['--private', 'docker.io=team/shut'])
    assert.deepEqual(await read(), ['team/open', 'team/shut'])
    await mirror.stop()
    await door.close()
    await mirror.restart()
    assert.deepEqual(await read(), ['team/open'])
  })
})
