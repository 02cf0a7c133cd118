// Runs of `warm` where the mirror's settings decide what becomes of an image.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WarmReport, WarmRow } from '../../src/care/warm-job.ts'
import { Secret } from '../../src/lib/secret.ts'
import { warmJob } from '../../src/warm/warm.ts'
import { buildImage } from '../support/images.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { WarmingSetting } from '../support/warming-setting.ts'
import { warmAsk } from '../support/warm-run.ts'

const image = buildImage({ seed: 'elsewhere', form: 'oci', architectures: ['amd64'] })

async function run({ warm, store }: WarmingSetting, list: readonly string[]): Promise<WarmReport> {
  const job = warmJob({
    mirror: () => warm,
    index: store.index,
    saveFailedList: (text) => Promise.resolve(text),
    now: Date.now,
    sleep: (durationMs, signal) => sleep(durationMs, undefined, { signal }),
    random: Math.random,
  })
  const rows = (batch: readonly WarmRow[]): Promise<void> => Promise.resolve(void batch)
  const { signal } = new AbortController()
  const answer = await job(warmAsk(list), { signal, progress: () => {}, rows }, 'run-1')
  assert.ok(answer.kind === 'ended')
  return answer.report
}

test('a blob that the first endpoint has wrong comes from the next one, in the same run', async () => {
  await using other = await ScriptedUpstream.start()
  await using setting = await WarmingSetting.start()
  const { upstream } = setting
  for (const each of [other, upstream]) each.addImage('library/a', '1', image)
  const [, layer = ''] = image.blobs.keys()
  other.script({ path: layer, reply: { flip: 5 } })
  await setting.reopen({ registries: { 'docker.io': { endpoints: [other.url, upstream.url] } } })
  const report = await run(setting, ['a:1'])
  assert.deepEqual(
    report.results.map(({ status, because }) => [status, because]),
    [['warmed', undefined]],
  )
})

test('what is private and not given to clients fails before its blobs, with what would allow it', async () => {
  await using setting = await WarmingSetting.start()
  const { upstream } = setting
  upstream.addImage('team/closed', '1', image)
  upstream.needLogin.add('team/closed')
  upstream.login = { username: 'robot', password: 'pw' }
  const credentials = { kind: 'login', username: 'robot', password: new Secret('pw') } as const
  const registries = { 'ghcr.io': { endpoints: [upstream.url], credentials } }
  await setting.reopen({ registries })
  const report = await run(setting, ['ghcr.io/team/closed:1'])
  const [result] = report.results
  assert.deepEqual([result?.status, result?.cause], ['failed', 'unauthorized'])
  assert.match(result?.remedy ?? '', /--private ghcr\.io=team\/closed$/)
  assert.equal(setting.asked().filter((line) => line.includes('/blobs/')).length, 0)
})

test('a registry that is not served is told with the one that may have been meant', async () => {
  await using setting = await WarmingSetting.start()
  const report = await run(setting, ['ghrc.io/team/app:1,2', 'quay.example/x@' + image.top.digest])
  assert.deepEqual(
    report.results.map(({ reference, cause }) => [reference, cause]),
    [
      ['ghrc.io/team/app:1,2', 'not-served'],
      [`quay.example/x@${image.top.digest}`, 'not-served'],
    ],
  )
  assert.match(report.results[0]?.because ?? '', /, or did you mean ghcr\.io\?$/)
  assert.doesNotMatch(report.results[1]?.because ?? '', /did you mean/)
  assert.deepEqual(setting.asked(), [])
})
