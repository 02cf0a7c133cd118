// `regmirror ls`: what is cached, image by image.

import type { Arguments, CommandModule } from 'yargs'
import type { ImageRow } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import { imageAsJson, imageTable } from './image-table.ts'
import { outputColumns, print, say } from './output.ts'
import { runJob } from './run-job.ts'

const DESCRIBE = 'list what is cached'

export const lsCommand = {
  command: 'ls',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 ls [PREFIX] [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 ls nginx', 'images whose names begin so, long or short'],
        ['$0 ls ghcr.io/org', 'of one registry or organisation'],
      ])
      .options({
        json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
        ...storeOptions('default-registry', 'alias'),
      })
      .epilogue(OTHERS_ACCEPTED),
  handler: ls,
} as const satisfies CommandModule

async function ls(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'ls', ['json'], 1)
  const ask = { prefix: typed.words[0] }
  process.exitCode = argv['json'] ? await lsAsJson(ask, typed) : await lsAsTable(ask, typed)
}

type Ask = { readonly prefix: string | undefined }
type Typed = Parameters<typeof runJob>[2]

async function lsAsTable(ask: Ask, typed: Typed): Promise<number> {
  const images: ImageRow[] = []
  const onRows = (rows: readonly ImageRow[]): void => void images.push(...rows)
  const { answer, exitCode, isInterrupted } = await runJob('ls', ask, typed, { onRows })
  if (images.length > 0) await print(imageTable(images, Date.now(), outputColumns()))
  if (isInterrupted) say(interruptedSentence(images.length))
  else if (images.length === 0) say(noneSentence(ask, answer.heldBytes))
  return exitCode
}

/** One array, written as it comes. Interrupted before the first image it is none: it would say "nothing". */
async function lsAsJson(ask: Ask, typed: Typed): Promise<number> {
  let images = 0
  const onRows = async (rows: readonly ImageRow[]): Promise<void> => {
    for (const row of rows) {
      await print((images === 0 ? '[\n' : ',\n') + JSON.stringify(imageAsJson(row)))
      images += 1
    }
  }
  const { exitCode, isInterrupted } = await runJob('ls', ask, typed, { onRows, isQuiet: true })
  if (images > 0) await print('\n]\n')
  else if (!isInterrupted) await print('[]\n')
  if (isInterrupted) say(interruptedSentence(images))
  return exitCode
}

function interruptedSentence(images: number): string {
  return `interrupted: ${images} ${images === 1 ? 'image' : 'images'} listed until then`
}

function noneSentence({ prefix }: Ask, heldBytes: number): string {
  if (prefix !== undefined) return `nothing cached begins with ${prefix}`
  if (heldBytes === 0) return 'nothing is cached yet'
  return `${formatBytes(heldBytes)} are held whose names were lost; they come back when pulled`
}
