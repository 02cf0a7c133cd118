// A warm run that is only shown: its progress, results and report made up, its clock moved by hand.
import { openWarmDisplay } from '../../src/cli/warm-display.ts'
import type { WarmDisplayOptions } from '../../src/cli/warm-display.ts'
import type {
  WarmAnswer,
  WarmInFlight,
  WarmPrice,
  WarmProgress,
  WarmRegistry,
  WarmReport,
  WarmResult,
  WarmRow,
} from '../../src/care/warm-job.ts'

export const MIB = 2 ** 20
export const GIB = 2 ** 30

export function progressOf(more: Partial<WarmProgress> = {}): WarmProgress {
  return {
    phase: 'blobs',
    done: 12,
    total: 37,
    failed: 0,
    bytesNew: 1.9 * GIB,
    bytesTotal: 6.4 * GIB,
    bytesPerSecond: 38 * MIB,
    inFlight: [],
    running: 0,
    waitingFor: undefined,
    quotas: [],
    ...more,
  }
}

export function inFlightOf(reference: string, done = 0.5): WarmInFlight {
  return { reference, doneBytes: done * 68 * MIB, totalBytes: 68 * MIB }
}

export function resultOf(more: Partial<WarmResult> = {}): WarmResult {
  return {
    reference: 'docker.io/library/nginx:1.27',
    registry: 'docker.io',
    places: [{ source: 'mirror.txt', line: 18 }],
    status: 'warmed',
    cause: undefined,
    because: undefined,
    remedy: undefined,
    digestBefore: undefined,
    digest: undefined,
    platforms: ['linux/amd64'],
    warnings: [],
    bytesNew: 0,
    bytesReused: 0,
    tries: 1,
    ...more,
  }
}

export function failureOf(reference: string, because = 'it does not exist'): WarmResult {
  return resultOf({ reference, status: 'failed', cause: 'not-found', because })
}

export function rowOf(more: Partial<WarmResult> = {}): WarmRow {
  return { kind: 'result', ...resultOf(more) }
}

export function registryOf(more: Partial<WarmRegistry> = {}): WarmRegistry {
  return {
    registry: 'docker.io',
    plannedPulls: 0,
    pulls: 0,
    heads: 0,
    lists: 0,
    blobs: 0,
    rateLimited: 0,
    waitedMs: 0,
    quotaLimit: undefined,
    remainingBefore: undefined,
    remainingAfter: undefined,
    reserve: undefined,
    ...more,
  }
}

export function priceOf(more: Partial<WarmPrice> = {}): WarmPrice {
  const counts = { references: 37, fresh: 14, stale: 23, failed: 0 }
  const bytes = { knownBytes: 0, unknownSizes: 0, pinnableBytes: undefined, pinnedBytes: undefined }
  return { ...counts, registries: [], ...bytes, ...more }
}

type ReportParts = Partial<Omit<WarmReport, 'totals'>> & {
  readonly totals?: Partial<WarmReport['totals']>
}

export function reportOf({ totals, ...more }: ReportParts = {}): WarmReport {
  return {
    schema: 'regmirror.warm/1',
    version: '0.1.0',
    run: 'run-1',
    mode: 'run',
    startedAt: '2026-11-22T01:30:00.000Z',
    endedAt: '2026-11-22T02:11:00.000Z',
    sources: ['mirror.txt'],
    listDigest: `sha256:${'ab'.repeat(32)}`,
    platforms: ['linux/amd64'],
    outcome: 'done',
    because: undefined,
    registries: [],
    results: [],
    ...more,
    totals: {
      references: 0,
      fresh: 0,
      warmed: 0,
      stale: 0,
      failed: 0,
      left: 0,
      bytesNew: 0,
      bytesReused: 0,
      waitedMs: 0,
      ...totals,
    },
  }
}

export function endedOf(report: WarmReport, failedList?: string): WarmAnswer {
  return { kind: 'ended', report, failedList }
}

// Time passes only when it is told to, and what was to happen by then has happened.
export class HandMovedTime {
  #ms = 0
  #planned: { readonly atMs: number; readonly callback: () => void }[] = []

  readonly now = (): number => this.#ms

  readonly after: WarmDisplayOptions['after'] = (delayMs, callback) => {
    const planned = { atMs: this.#ms + delayMs, callback }
    this.#planned.push(planned)
    return () => void (this.#planned = this.#planned.filter((each) => each !== planned))
  }

  get planned(): number {
    return this.#planned.length
  }

  pass(ms: number): void {
    const until = this.#ms + ms
    for (;;) {
      const [next] = this.#planned.toSorted((one, other) => one.atMs - other.atMs)
      if (next === undefined || next.atMs > until) break
      this.#planned = this.#planned.filter((each) => each !== next)
      this.#ms = next.atMs
      next.callback()
    }
    this.#ms = until
  }
}

// Written as lines by default; every option can be given.
export function shownOn(
  output: WarmDisplayOptions['output'],
  time: HandMovedTime,
  more: Partial<WarmDisplayOptions> = {},
) {
  return openWarmDisplay({
    mode: 'auto',
    asked: 'run',
    output,
    isTerminalDumb: false,
    isUtf8: true,
    hasColor: false,
    facts: { reportFile: undefined, retryOptions: [] },
    now: time.now,
    after: time.after,
    ...more,
  })
}
