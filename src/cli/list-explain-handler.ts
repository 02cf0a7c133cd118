// What `regmirror list explain` does; loaded when it is typed.

import type { Arguments } from 'yargs'
import type { WarmLine } from '../care/warm-job.ts'
import { ConfigError } from '../errors.ts'
import { explainFailure } from './failure.ts'
import { readTypedFlags } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { explainSentence, explainText, isFailing } from './list-explain-text.ts'
import { lookUp, priceSentences } from './list-look-up.ts'
import { outputColumns, print, say } from './output.ts'
import { failureExitCode } from './warm-exit.ts'
import { readLists } from './warm-lists.ts'
import { readWarmOptions } from './warm-options.ts'
import { isSourceNamed } from './warm-words.ts'

export async function explain(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'list explain', ['platform', 'json'], Infinity)
  try {
    process.exitCode = await explainLists(typed, argv)
  } catch (error) {
    const exitCode = failureExitCode(error)
    if (exitCode === undefined) throw error
    explainFailure(error).sentences.forEach(say)
    process.exitCode = exitCode
  }
}

async function explainLists(typed: TypedFlags, argv: Arguments): Promise<number> {
  const { options, problems } = readWarmOptions(argv, Date.now())
  const lists = await readLists(typed.words)
  // The value of a flag that is mistyped is no word, so that one may seem to lack.
  const isWordLost = typed.words.length === 0 && typed.problems.length > 0
  const all = [...typed.problems, ...problems, ...(isWordLost ? [] : lists.problems)]
  if (all.length > 0) throw new ConfigError(all)
  const lines: WarmLine[] = []
  const price: string[] = []
  const ask = { ...options.ask, mode: 'explain', sources: lists.sources } as const
  const { exitCode } = await lookUp(ask, typed, (row) => {
    if (row.kind === 'line') lines.push(row)
    if (row.kind === 'price') price.push(...priceSentences(row))
  })
  if (options.isJson) await print(`${JSON.stringify(lines.map(asJson), undefined, 2)}\n`)
  else {
    const names = lists.sources.map(({ name }) => name)
    const places = lines.map(({ place }) => place)
    const isNamed = isSourceNamed(names, places)
    const width = outputColumns()
    await print(lines.map((line) => explainText(line, isNamed, width)).join(''))
    for (const sentence of [explainSentence(lines), ...price]) say(sentence)
  }
  return exitCode || (lines.some(isFailing) ? 1 : 0)
}

function asJson({ place, text, name, listed, images, dropped, problem }: WarmLine): object {
  return {
    ...place,
    ...{ text, name, listed: listed ?? null, problem: problem ?? null },
    images: images.map(({ because, totalBytes, missingBytes, ...image }) => ({
      ...image,
      because: because ?? null,
      totalBytes: totalBytes ?? null,
      missingBytes: missingBytes ?? null,
    })),
    dropped,
  }
}
