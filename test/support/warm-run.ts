// Runs of `warm` on a test's mirror, asked for at its socket as the command does.
import type {
  WarmAsk,
  WarmProgress,
  WarmReport,
  WarmResult,
  WarmRow,
} from '../../src/care/warm-job.ts'
import { askOwner, findOwner } from '../../src/owner/client.ts'
import type { TestMirror } from './test-mirror.ts'

export interface WarmRun {
  readonly report: WarmReport
  readonly failedList: string | undefined
  readonly rows: readonly WarmRow[]
  readonly notices: readonly string[]
  readonly results: ReadonlyMap<string, WarmResult>
}

export interface Watch {
  readonly signal?: AbortSignal
  readonly progress?: (progress: WarmProgress) => void
  readonly row?: (row: WarmRow) => void
}

// `list`: its lines.
export function warmAsk(list: readonly string[], changes: Partial<WarmAsk> = {}): WarmAsk {
  return {
    sources: [{ name: 'mirror.txt', text: `${list.join('\n')}\n` }],
    platforms: ['linux/amd64'],
    mode: 'run',
    jobs: 4,
    bytesPerSecond: undefined,
    reserve: undefined,
    untilAt: undefined,
    isDetached: false,
    ...changes,
  }
}

export async function warm(
  mirror: TestMirror,
  list: readonly string[],
  changes: Partial<WarmAsk> = {},
  watch: Watch = {},
): Promise<WarmRun> {
  const owner = await findOwner(mirror.folder)
  if (owner === undefined) throw new Error(`nobody owns ${mirror.folder}`)
  const rows: WarmRow[] = []
  const answer = await askOwner(owner, 'warm', warmAsk(list, changes), {
    signal: watch.signal ?? new AbortController().signal,
    progress: (progress) => watch.progress?.(progress),
    rows: (batch) => {
      rows.push(...batch)
      for (const row of batch) watch.row?.(row)
    },
  })
  if (answer.kind !== 'ended') throw new Error('it was not run')
  return { ...answer, rows, ...readable(answer.report, rows) }
}

function readable(
  report: WarmReport,
  rows: readonly WarmRow[],
): Pick<WarmRun, 'notices' | 'results'> {
  return {
    notices: rows.flatMap((row) => (row.kind === 'notice' ? row.text : [])),
    results: new Map(report.results.map((result) => [result.reference, result])),
  }
}

// `warmed docker.io/library/app:1`, in the order of the list.
export function statuses({ report }: WarmRun): string[] {
  return report.results.map(({ status, reference }) => `${status} ${reference}`)
}
