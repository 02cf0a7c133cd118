// Which lines stay of a warm run while it goes on. What is fresh needs no line of its own, it is counted, and
// so are more failures of one reason; what is left for the next run is told at the end.

import { styleText } from 'node:util'
import type {
  WarmAsk,
  WarmCause,
  WarmProgress,
  WarmResult,
  WarmRow,
  WarmStatus,
} from '../care/warm-job.ts'
import { printable } from './printable.ts'
import { count, placeText, priceSentence, resultText, shortageSentence } from './warm-words.ts'
import { wrapped } from './wrapped.ts'

export interface Line {
  readonly verb: WarmStatus | 'note' | 'price' | 'so far'
  readonly text: string
}

const VERB_WIDTH = 6
/** What a registry does to all of its images alike. */
const OF_REGISTRY: readonly (WarmCause | undefined)[] = ['unreachable', 'offline', 'rate-limited']
const ALIKE_SHOWN_MAX = 3
const COLORS: Partial<Record<Line['verb'], Parameters<typeof styleText>[0]>> = {
  warmed: 'green',
  failed: 'red',
  stale: 'yellow',
}

export class RunLines {
  readonly #asked: WarmAsk['mode']
  readonly #alike = new Map<string, WarmResult[]>()
  #fresh = 0

  constructor(asked: WarmAsk['mode']) {
    this.#asked = asked
  }

  ofRow(row: WarmRow): readonly Line[] {
    switch (row.kind) {
      case 'notice':
        return [{ verb: 'note', text: row.text }]
      case 'price':
        return [...this.ofFresh(), ...this.#ofPrice(row)]
      case 'result':
        if (row.status === 'fresh') this.#fresh += 1
        if (row.status === 'fresh' || row.status === 'left' || this.#isToldAlready(row)) return []
        return [{ verb: row.status, text: resultText(row) }]
      // Of `list explain`, which shows them itself.
      case 'line':
        return []
    }
  }

  /** What was only counted and not told yet. */
  ofEnd(): readonly Line[] {
    const lines = [...this.#alike.values()].flatMap((alike) => {
      const more = alike.slice(ALIKE_SHOWN_MAX)
      const [first] = more
      if (first === undefined) return []
      const place = placeText(first.places[0], true)
      const where = place === '' ? '' : ` (the first: ${place})`
      const images = `${count(more.length, 'more image')} of ${first.registry}`
      return [{ verb: 'failed', text: `${images}, for the same reason${where}` } as const]
    })
    return [...this.ofFresh(), ...lines]
  }

  #isToldAlready(result: WarmResult): boolean {
    const { status, cause, registry } = result
    if (status !== 'failed' || !OF_REGISTRY.includes(cause)) return false
    const reason = `${cause} ${registry}`
    const alike = this.#alike.get(reason) ?? []
    this.#alike.set(reason, alike)
    return alike.push(result) > ALIKE_SHOWN_MAX
  }

  /** All that were found whole are known when something is fetched. */
  ofProgress({ phase }: WarmProgress): readonly Line[] {
    return phase === 'manifests' || phase === 'blobs' ? this.ofFresh() : []
  }

  /** Since the last time. */
  ofFresh(): readonly Line[] {
    if (this.#fresh === 0) return []
    const text = `${count(this.#fresh, 'image')}, whole and unchanged`
    this.#fresh = 0
    return [{ verb: 'fresh', text }]
  }

  /** A plan ends with what is too much for a registry. */
  #ofPrice({ price }: WarmRow & { readonly kind: 'price' }): readonly Line[] {
    if (this.#asked === 'check' || price.stale === 0) return []
    const sentence = { verb: 'price', text: priceSentence(price) } as const
    if (this.#asked === 'plan') return [sentence]
    const shortages = price.registries.flatMap((each) => shortageSentence(each) ?? [])
    return [sentence, ...shortages.map((text) => ({ verb: 'note', text }) as const)]
  }
}

/** `columns`: of a terminal; undefined in a pipe. */
export function lineText({ verb, text }: Line, hasColor: boolean, columns?: number): string {
  const line = `${verb.padEnd(VERB_WIDTH)}  ${printable(text)}`
  const shown = columns === undefined ? line : wrapped(line, columns, VERB_WIDTH + 2)
  const color = COLORS[verb]
  if (!hasColor || color === undefined) return shown
  return styleText(color, verb, { validateStream: false }) + shown.slice(verb.length)
}
