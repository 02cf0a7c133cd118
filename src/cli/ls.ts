// `regmirror ls`: what is cached, image by image.

import type { Arguments, CommandModule } from 'yargs'
import type { ImageRow } from '../care/jobs.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { imageAsJson, imageTable } from './image-table.ts'
import { print, say } from './output.ts'
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
        ...settingOptions,
      }),
  handler: ls,
} as const satisfies CommandModule

async function ls(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'ls', ['json'], 1)
  const ask = { prefix: typed.words[0] }
  const { exitCode } = argv['json'] ? await lsAsJson(ask, typed) : await lsAsTable(ask, typed)
  process.exitCode = exitCode
}

type Ask = { readonly prefix: string | undefined }
type Typed = Parameters<typeof runJob>[2]

async function lsAsTable(ask: Ask, typed: Typed): Promise<{ readonly exitCode: number }> {
  const images: ImageRow[] = []
  const done = await runJob('ls', ask, typed, { onRows: (rows) => void images.push(...rows) })
  if (images.length > 0) {
    await print(imageTable(images, Date.now(), process.stdout.columns))
  } else {
    say(
      ask.prefix === undefined
        ? 'nothing is cached yet'
        : `nothing cached begins with ${ask.prefix}`,
    )
  }
  return done
}

/** One array, written as it comes. */
async function lsAsJson(ask: Ask, typed: Typed): Promise<{ readonly exitCode: number }> {
  let separator = '[\n'
  const onRows = async (rows: readonly ImageRow[]): Promise<void> => {
    for (const row of rows) {
      await print(separator + JSON.stringify(imageAsJson(row)))
      separator = ',\n'
    }
  }
  const done = await runJob('ls', ask, typed, { onRows, isQuiet: true })
  await print(separator === '[\n' ? '[]\n' : '\n]\n')
  return done
}
