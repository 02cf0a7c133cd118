// `regmirror warm` on a list of which everything is held already, as a nightly run mostly finds it.
import { statuses, WarmCommand } from '../support/warm-command.ts'
import type { Sample } from './metrics.ts'
import type { Stage } from './stage.ts'
import { endedChildrenCpuSeconds } from './usage.ts'

export interface HeldList {
  readonly command: WarmCommand
  readonly images: number
}

// Brings what it names, unless it is there; `options` stand behind each name.
export async function heldList(
  stage: Stage,
  options: string,
  dataFolder?: string,
): Promise<HeldList> {
  const names = await stage.catalog.tagged()
  const command = await stage.use(
    Promise.resolve(
      new WarmCommand({
        registries: { 'docker.io': stage.upstream.url },
        list: names.map((name) => `${name}${options}\n`).join(''),
        ...(dataFolder !== undefined && { dataFolder }),
      }),
    ),
  )
  await expectAll(command, names.length, ['warmed', 'fresh'])
  return { command, images: names.length }
}

// Once more. CPU is of the command, which does it all where no server has its data folder.
export async function warmAgain({ command, images }: HeldList, stage: Stage): Promise<Sample> {
  const mark = stage.log.mark()
  const before = endedChildrenCpuSeconds()
  const started = performance.now()
  await expectAll(command, images, ['fresh'])
  return {
    total: (performance.now() - started) / 1000,
    cpu: endedChildrenCpuSeconds() - before,
    requests: stage.log.requestsSince(mark),
  }
}

async function expectAll(
  command: WarmCommand,
  images: number,
  wanted: readonly string[],
): Promise<void> {
  const { code, report, said } = await command.run()
  const found = Object.values(statuses(report)).filter((status) => wanted.includes(status))
  if (code === 0 && found.length === images) return
  throw new Error(`${found.length} of ${images} images are ${wanted.join(' or ')}: ${said}`)
}
