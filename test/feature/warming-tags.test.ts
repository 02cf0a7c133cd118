// Lists of tags and tags themselves, as a run asks for them: what is known of them never moves backwards.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { waitUntil } from '../support/wait-until.ts'
import { tagNamed, WarmingSetting } from '../support/warming-setting.ts'

const older = buildImage({ seed: 'tags, older', form: 'oci', architectures: ['amd64'] })
const newer = buildImage({ seed: 'tags, newer', form: 'oci', architectures: ['amd64'] })
const NAME = 'ghcr.io/team/app'
const TAG = tagNamed('1')

test('what a public mirror lists in the place of the origin is not what clients are told later', async () => {
  await using origin = await ScriptedUpstream.start()
  await using copy = await ScriptedUpstream.start()
  const registries = { 'ghcr.io': { endpoints: [copy.url, origin.url] } }
  await using setting = await WarmingSetting.start({ registries })
  for (const each of [origin, copy]) each.addImage('team/app', '1', older)
  origin.tag('team/app', '2', older.top.digest)
  const repository = setting.repository(NAME)
  assert.deepEqual((await setting.warm.tags(repository))?.tags, ['1', '2'])
  origin.script({ path: '/tags/list', reply: status(503) })
  assert.deepEqual((await setting.warm.tags(repository))?.tags, ['1'])
  await setting.reopen({ registries, offline: true })
  assert.deepEqual((await setting.mirror.tags(repository))?.entries, ['1', '2'])
})

test('a list that is longer than may be asked for says so', async () => {
  await using setting = await WarmingSetting.start()
  await setting.reopen({ limits: { tagsMax: 2 } })
  for (const tag of ['1', '2', '3']) setting.upstream.addImage('team/app', tag, older)
  const listed = await setting.warm.tags(setting.repository(NAME))
  assert.deepEqual(listed, { tags: ['1', '2'], isCut: true })
})

test('a slow answer to a GET does not move back a tag that was seen to move meanwhile', async () => {
  await using setting = await WarmingSetting.start()
  const { warm, upstream } = setting
  upstream.addImage('team/app', '1', older)
  const repository = setting.repository(NAME)
  await warm.head(repository, TAG)
  upstream.script({ method: 'GET', times: 1, reply: { holdHeaders: true } })
  const brought = warm.manifest(repository, { tag: TAG })
  await waitUntil(() => upstream.log.all.length === 2, { what: 'the GET', everyMs: 1 })
  upstream.addImage('team/app', '1', newer)
  assert.equal((await warm.head(repository, TAG))?.digest, newer.top.digest)
  upstream.release()
  assert.equal((await brought)?.manifest.digest, older.top.digest)
  assert.equal((await warm.knownTag(repository, TAG))?.digest, newer.top.digest)
})
