// What lists may keep, as scripts and people hear of it from the command, run after run without a server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { binaryPath } from '../support/binary.ts'
import { Program } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { WarmCommand } from '../support/warm-command.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
// Of 4 MiB each: 80 % of the size are seven of them.
const ARGS = ['--max-size', '40MiB', '--platform', 'linux/arm64']
const KEPT = 7

async function startUpstream(): Promise<ScriptedUpstream> {
  const upstream = await ScriptedUpstream.start()
  for (const seed of NAMES) {
    const layers = { smallLayers: 0, bigLayers: 1, bigLayerMiB: 4 }
    const image = buildImage({ seed, form: 'oci', architectures: ['arm64'], ...layers })
    upstream.addImage(`library/${seed}`, '1', image)
  }
  return upstream
}

test('a run that lists may not keep all of ends with 6 and names the lines; the next too', async () => {
  await using upstream = await startUpstream()
  const list = NAMES.map((name) => `${name}:1\n`).join('')
  const registries = { 'docker.io': upstream.url }
  await using warm = new WarmCommand({ list, registries, args: ARGS })
  const first = await warm.run()
  assert.equal(first.code, 6, first.said)
  assert.equal(first.report.totals.warmed, KEPT)
  assert.match(first.said, /not all was done: 2 images are more than lists may keep$/m)
  for (const [line, name] of [
    [8, 'h'],
    [9, 'i'],
  ]) {
    const why = 'lists may keep 32 MiB \\(80 % of --max-size 40MiB\\), and its 4 MiB are more'
    const told = `^left +line ${line}  docker\\.io/library/${name}:1: ${why}; raise it, or shorten`
    assert.match(first.said, new RegExp(told, 'm'))
  }
  const plan = await warm.run('--plan')
  assert.equal(plan.code, 0, plan.said)
  const again = await warm.run()
  assert.equal(again.code, 6, again.said)
  assert.equal(again.report.totals.fresh, KEPT)
  const ls = new Program(binaryPath(), ['ls', '--data', warm.dataFolder], {})
  assert.equal((await ls.exited).code, 0, ls.report())
  assert.equal(ls.stdout.match(new RegExp(`list ${warm.listFile}`, 'g'))?.length, KEPT)
})
