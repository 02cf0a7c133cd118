// Which tags clients use, as lists ask for them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../src/errors.ts'
import { putClockForward } from '../support/clock.ts'
import { buildImage } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { tagNamed, WarmingSetting } from '../support/warming-setting.ts'

const image = buildImage({ seed: 'used', form: 'oci' })
const DAY_MS = 86_400_000

async function settingWith(...names: readonly string[]): Promise<WarmingSetting> {
  const setting = await WarmingSetting.start()
  for (const name of names) {
    const [repository = '', tag = ''] = name.split(':')
    setting.upstream.addImage(repository, tag, image)
  }
  return setting
}

async function pull(
  setting: WarmingSetting,
  name: string,
  tag: string,
  want: 'head' | 'bytes' = 'bytes',
): Promise<void> {
  await setting.mirror.manifest(setting.repository(name), { tag: tagNamed(tag) }, want)
}

test('what clients get by a tag, and what they look at, was used; what is only warmed was not', async () => {
  await using setting = await settingWith('team/app:got', 'team/app:seen', 'team/app:warmed')
  const repository = setting.repository('ghcr.io/team/app')
  const { warm } = setting
  const usedSince = (since: number) => warm.usedTags(repository, since)
  await warm.head(repository, tagNamed('warmed'))
  await warm.manifest(repository, { tag: tagNamed('warmed') })
  assert.deepEqual(await usedSince(0), [])
  await pull(setting, 'ghcr.io/team/app', 'got')
  assert.deepEqual(await usedSince(0), ['got'], 'without anybody having written it down')
  putClockForward(DAY_MS)
  const later = Date.now()
  await pull(setting, 'ghcr.io/team/app', 'seen', 'head')
  assert.deepEqual(await usedSince(0), ['seen', 'got'])
  assert.deepEqual(await usedSince(later), ['seen'])
  setting.asked()
  await setting.reopen({ offline: true })
  await pull(setting, 'ghcr.io/team/app', 'got')
  assert.deepEqual(await setting.warm.usedTags(repository, later), ['got', 'seen'])
  assert.deepEqual(setting.asked(), [], 'nobody is asked')
})

test('a tag that nobody was given, and a manifest by its digest, is no use of a tag', async () => {
  await using setting = await settingWith('team/app:1')
  const repository = setting.repository('ghcr.io/team/app')
  await pull(setting, 'ghcr.io/team/app', 'none')
  const digest = (await setting.warm.head(repository, tagNamed('1')))?.digest
  assert.ok(digest)
  await setting.mirror.manifest(repository, { digest }, 'bytes')
  setting.upstream.script({ reply: status(500) })
  await assert.rejects(pull(setting, 'ghcr.io/team/app', 'new'), UpstreamError)
  assert.deepEqual(await setting.warm.usedTags(repository, 0), [])
})

test('what is got to verify an image is no use of a tag, by cosign nor in place of an API', async () => {
  await using setting = await settingWith('team/app:1', 'team/app:sha256-1.sig')
  const of = image.top.digest.replace(':', '-')
  const tags = [of, `${of}.sig`, `${of}.att`, `${of}.sbom`]
  for (const tag of tags) setting.upstream.addImage('team/app', tag, image)
  for (const tag of ['1', ...tags, 'sha256-1.sig']) await pull(setting, 'ghcr.io/team/app', tag)
  const used = await setting.warm.usedTags(setting.repository('ghcr.io/team/app'), 0)
  assert.deepEqual(used.toSorted(), ['1', 'sha256-1.sig'])
})

test('a name with a star is the repositories that clients used, where it names a registry', async () => {
  await using setting = await settingWith(
    ...['team/app:1', 'team/deep/er:1', 'teams/app:1', 'team/unused:1', 'library/redis:1'],
  )
  for (const name of ['team/app', 'team/deep/er', 'teams/app']) {
    await pull(setting, `ghcr.io/${name}`, '1')
  }
  await pull(setting, 'redis', '1')
  await setting.warm.head(setting.repository('ghcr.io/team/unused'), tagNamed('1'))
  const named = async (pattern: string, since = 0): Promise<readonly string[] | string> => {
    const found = await setting.warm.usedRepositories(pattern, since)
    return 'refused' in found ? found.refused : found.map(({ name }) => name)
  }
  assert.deepEqual(await named('ghcr.io/team/*'), ['team/app'])
  assert.deepEqual(await named('ghcr.io/team/**'), ['team/app', 'team/deep/er'])
  assert.deepEqual(await named('ghcr.io/team*/app'), ['team/app', 'teams/app'])
  assert.deepEqual(await named('docker.io/**'), ['library/redis'])
  assert.deepEqual(await named('docker.io/re*'), ['library/redis'])
  assert.deepEqual(await named('ghcr.io/**', Date.now() + DAY_MS), [])
  assert.match(String(await named('nowhere.test/**')), /nowhere\.test/)
})
