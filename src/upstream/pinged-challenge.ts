// What an endpoint asks for at `/v2/`, for answers that do not say it themselves: gcr.io sometimes
// gives a 401 without a challenge, Artifactory a 404.

import { discard } from './answer.ts'
import type { Answer } from './answer.ts'
import { parseChallenges } from './challenge.ts'
import type { Challenge } from './challenge.ts'
import type { UpstreamLimits } from './limits.ts'

export type Ping = (signal: AbortSignal, authorization?: string) => Promise<Answer>

export interface PingedChallengeOptions {
  readonly ping: Ping
  readonly limits: UpstreamLimits
  readonly now: () => number
}

export class PingedChallenge {
  readonly #options: PingedChallengeOptions
  #known: { readonly challenges: readonly Challenge[]; readonly atMs: number } | undefined

  constructor(options: PingedChallengeOptions) {
    this.#options = options
  }

  /** None where it lets everybody in. */
  async get(signal: AbortSignal): Promise<readonly Challenge[]> {
    const { limits, now } = this.#options
    const known = this.#known
    return known && now() - known.atMs < limits.challengeKeptMs
      ? known.challenges
      : await this.getAnew(signal)
  }

  async getAnew(signal: AbortSignal): Promise<readonly Challenge[]> {
    const { ping, limits, now } = this.#options
    const answer = await ping(signal)
    discard(answer.body, limits.errorBodyMaxBytes, limits.errorBodyTimeoutMs)
    const header = answer.status === 401 ? answer.headers['www-authenticate'] : undefined
    const challenges = parseChallenges(header).map(withoutScope)
    this.#known = { challenges, atMs: now() }
    return challenges
  }
}

/** The scope of a ping is nobody's: ghcr.io's names `user/image`. */
function withoutScope({ scheme, parameters }: Challenge): Challenge {
  const others = Array.from(parameters).filter(([name]) => name !== 'scope')
  return { scheme, parameters: new Map(others) }
}
