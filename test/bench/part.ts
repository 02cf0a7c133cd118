// A part measures one kind of work: it prepares the stage once, then measures every server in turn
// in each round, so that a noisy moment of the machine does not fall on one server alone.
import type { Sample } from './metrics.ts'
import type { Results } from './results.ts'
import type { Stage } from './stage.ts'

export type Part = (stage: Stage) => Promise<(round: Round) => Promise<void>>

export class Round {
  readonly number: number
  readonly #part: string
  readonly #results: Results

  constructor(number: number, part: string, results: Results) {
    this.number = number
    this.#part = part
    this.#results = results
  }

  // Another one begins in each round: the first may find caches and buffers as the last left them.
  inTurn<T>(items: readonly T[]): T[] {
    const start = this.number % items.length
    return [...items.slice(start), ...items.slice(0, start)]
  }

  // A sample that could not be taken is a problem of the run, and does not end it.
  async measure(title: string, server: string, take: () => Promise<Sample>): Promise<void> {
    try {
      this.#results.add(this.#part, title, server, this.number, await take())
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#results.problems.push(
        `${this.#part}, ${title}, ${server}, round ${this.number}: ${why}`,
      )
    }
  }
}
