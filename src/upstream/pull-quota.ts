// How many pulls are left, as registries tell it beside a manifest. Pure.

import { header } from './answer.ts'
import type { Answer } from './answer.ts'
import type { PullQuota } from './upstream.ts'

/**
 * Docker Hub sends `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600` and
 * `docker-ratelimit-source`, and nothing to accounts without a limit; others leave the window out or
 * put `x-` in front.
 */
export function parsePullQuota(
  answer: Pick<Answer, 'headers'>,
  nowMs: number,
): PullQuota | undefined {
  const limit = counted(answer, 'limit')
  const remaining = counted(answer, 'remaining')
  if (!remaining) return undefined
  return {
    limit: limit?.count,
    remaining: remaining.count,
    windowSeconds: remaining.windowSeconds ?? limit?.windowSeconds,
    source: header(answer, 'docker-ratelimit-source')?.slice(0, SOURCE_LENGTH_MAX),
    toldAtMs: nowMs,
  }
}

const SOURCE_LENGTH_MAX = 100

function counted(
  answer: Pick<Answer, 'headers'>,
  name: string,
): { count: number; windowSeconds: number | undefined } | undefined {
  const text = header(answer, `ratelimit-${name}`) ?? header(answer, `x-ratelimit-${name}`)
  const match = /^\s*(\d{1,12})\s*(?:[;,]|$)/.exec(text ?? '')
  if (!match) return undefined
  const window = /;\s*w=(\d{1,9})\b/.exec(text ?? '')
  return { count: Number(match[1]), windowSeconds: window ? Number(window[1]) : undefined }
}
