// An upstream with public and private repositories, and a mirror that asks it with one login.
import assert from 'node:assert/strict'
import type { PrivatePolicy } from '../../src/config/config.ts'
import { Secret } from '../../src/lib/secret.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { Setting } from '../support/test-mirror.ts'
import type { ConfigChanges, RegistryChanges } from '../support/test-mirror.ts'

export const USERNAME = 'robot'
export const PASSWORD = 'robots-own-word'

export const DAY_MS = 24 * 3_600_000

export const EVERYTHING = ['manifest', 'byDigest', 'blob', 'tags', 'referrers'] as const

export interface Repository {
  readonly name: string
  readonly image: Image
  readonly manifest: string
  readonly byDigest: string
  readonly blob: string
  readonly tags: string
  readonly referrers: string
}

export const PUBLIC = repository('team/open')
export const PRIVATE = repository('team/closed')

function repository(name: string): Repository {
  const image = buildImage({ seed: name, form: 'oci', architectures: ['arm64'] })
  const at = `/v2/ghcr.io/${name}`
  return {
    name,
    image,
    manifest: `${at}/manifests/1`,
    byDigest: `${at}/manifests/${image.top.digest}`,
    blob: `${at}/blobs/${layerOf(image)}`,
    tags: `${at}/tags/list`,
    referrers: `${at}/referrers/${image.top.digest}`,
  }
}

// One that no other image has.
export function layerOf({ platforms }: Image): string {
  const digest = platforms[0]?.layers.at(-1)?.digest
  assert.ok(digest)
  return digest
}

// ghcr.io is the one with the login; what needs it is PRIVATE.
export async function withLogin(
  policy: PrivatePolicy,
  changes: ConfigChanges = {},
): Promise<Setting> {
  const setting = await withoutLogin(changes)
  await setting.mirror.restart({ registries: registries(setting, policy) })
  return setting
}

export async function withoutLogin(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  const { upstream } = setting
  upstream.login = { username: USERNAME, password: PASSWORD }
  upstream.needLogin.add(PRIVATE.name)
  for (const { name, image } of [PUBLIC, PRIVATE]) upstream.addImage(name, '1', image)
  return setting
}

export function registries(
  { upstream }: Setting,
  policy: PrivatePolicy,
  login: 'right' | 'wrong' | 'none' = 'right',
): Record<string, string | RegistryChanges> {
  const password = new Secret(login === 'right' ? PASSWORD : 'last-years-word')
  const credentials =
    login === 'none' ? undefined : ({ kind: 'login', username: USERNAME, password } as const)
  const ghcr = { endpoints: [upstream.url], credentials, private: policy }
  return { 'docker.io': upstream.url, 'ghcr.io': ghcr, 'lab.test:5000': upstream.url }
}

// What upstream was asked for content since the last call, and whether by a login.
export function asked({ upstream }: Setting): string[] {
  const lines = upstream.log
    .find({ path: /^\/v2\/./ })
    .filter(({ status }) => status !== 401)
    .map(({ method, url, range }) => {
      const path = url.replace('/v2/', '')
      return range === undefined ? `${method} ${path}` : `${method} ${path} ${range}`
    })
  upstream.log.clear()
  return lines
}
