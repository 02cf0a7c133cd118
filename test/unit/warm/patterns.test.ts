import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const image = buildImage({ seed: 'patterns', form: 'oci', architectures: ['amd64'] })

test('that a list of tags is not the whole of upstream’s is told, with each image that it stands for', async () => {
  const double = new WarmDouble()
  for (const name of ['app', 'other']) double.add(`docker.io/library/${name}`, '1.0', image)
  const list = ['app:1.*', 'other:1.0']
  assert.deepEqual(
    (await double.run(list)).results.flatMap(({ warnings }) => warnings),
    [],
  )
  double.listsAreCut = true
  const { results } = await double.run(list)
  const warned = results.filter(({ warnings }) => warnings.length > 0)
  assert.deepEqual(
    warned.map(({ reference }) => reference),
    ['docker.io/library/app:1.0'],
  )
  assert.match(warned[0]?.warnings[0] ?? '', /only the first 1 tags/)
  assert.ok(double.notices.some((text) => text.startsWith('docker.io/library/app:1.*: only the')))
})
