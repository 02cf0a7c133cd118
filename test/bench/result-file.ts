// What `--json FILE` writes and `--compare` reads: every sample of a run, and what is told of them.
// A program may rely on this form: a later one with another meaning has another version.
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const FORMAT = 'regmirror bench'
const VERSION = 1

const spread = z.object({ median: z.number(), min: z.number(), max: z.number() })

// By round; null: it could not be taken, and `problems` tells why.
const figures = spread.extend({ samples: z.array(z.number().nullable()) })

const measuredCase = z.object({
  part: z.string(),
  title: z.string(), // unique in its part
  servers: z.record(z.string(), z.record(z.string(), figures)), // by metric
  // Of `regmirror` to each other server, taken inside each round, by metric.
  ratios: z.record(z.string(), z.record(z.string(), spread)),
})

const resultFile = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  at: z.iso.datetime(),
  machine: z.object({
    cpu: z.string(),
    cores: z.number(),
    memoryMiB: z.number(),
    kernel: z.string(),
    versions: z.array(z.string()), // of every program that took part
  }),
  options: z.object({ rounds: z.number(), only: z.array(z.string()) }),
  // How to read the figures: title with unit, which way is better, decimals worth showing.
  metrics: z.record(
    z.string(),
    z.object({ title: z.string(), better: z.enum(['more', 'less']), digits: z.number() }),
  ),
  cases: z.array(measuredCase),
  problems: z.array(z.string()), // what could not be measured, a sentence each
})

export type ResultFile = Readonly<z.infer<typeof resultFile>>
export type MeasuredCase = ResultFile['cases'][number]
export type Figures = z.infer<typeof figures>

export function writeResults(content: Omit<ResultFile, 'format' | 'version'>): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, ...content }, null, 2)}\n`
}

export function readResults(file: string): ResultFile {
  const content = parse(file, readText(file))
  const { format, version } = z.looseObject({}).catch({}).parse(content)
  if (format !== FORMAT) throw new Error(`${file} is no result of \`npm run bench -- --json\``)
  if (version !== VERSION) {
    const what = `${file} is of version ${String(version)} of the form, and this reads ${VERSION}`
    throw new Error(`${what}: measure again, or compare with the program that wrote it`)
  }
  const read = resultFile.safeParse(content)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new Error(`${file}: ${issue?.path.join('.')} is not as it should be: ${issue?.message}`)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is not JSON, or was cut: ${(cause as Error).message}`, { cause })
  }
}
