// What upstream says in a refusal, made fit for one line of our log.

import type { Secret } from '../lib/secret.ts'
import { bareMediaType } from '../oci/media-type.ts'
import { header, readBounded } from './answer.ts'
import type { Answer } from './answer.ts'
import type { UpstreamLimits } from './limits.ts'
import { withoutSecrets } from './sent-secrets.ts'

export interface Refusal {
  /** Whether it was the errors document of the distribution-spec ("Error Codes"). */
  readonly hasErrors: boolean
  /** Undefined where there is nothing a person would want to read. */
  readonly text: string | undefined
}

const NOTHING: Refusal = { hasErrors: false, text: undefined }
const TEXT_LENGTH_MAX = 200

/**
 * Reads the body within bounds of size and time; whatever is left of it is destroyed. `secrets`: what
 * was sent and must not come back in our words.
 */
export async function readRefusal(
  answer: Answer,
  secrets: readonly Secret[],
  limits: UpstreamLimits,
): Promise<Refusal> {
  const timer = setTimeout(() => answer.body.destroy(), limits.errorBodyTimeoutMs)
  try {
    const bytes = await readBounded(answer.body, limits.errorBodyMaxBytes)
    if (!bytes) return NOTHING
    return parseRefusal(bytes.toString(), header(answer, 'content-type'), secrets)
  } catch {
    return NOTHING
  } finally {
    clearTimeout(timer)
  }
}

/** Markup is never quoted: storage repeats signatures and account names in it. */
export function parseRefusal(
  body: string,
  contentType: string | undefined,
  secrets: readonly Secret[],
): Refusal {
  const quote = (text: string): string | undefined => oneLine(withoutSecrets(text, secrets))
  const document = parseObject(body)
  if (!document) {
    const quotable =
      bareMediaType(contentType) === 'text/plain' && !body.trimStart().startsWith('<')
    return { hasErrors: false, text: quotable ? quote(body) : undefined }
  }
  const { errors } = document
  if (Array.isArray(errors)) {
    const first: unknown = errors[0]
    const words = isObject(first) ? wordsOf(first) : undefined
    return { hasErrors: true, text: words && quote(words) }
  }
  const words = wordsOf(document)
  return { hasErrors: false, text: words && quote(words) }
}

/** Token servers use `details` or `error_description`. */
function wordsOf(fields: Record<string, unknown>): string | undefined {
  for (const name of ['message', 'details', 'error_description', 'error', 'code']) {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/** Printable, short, and without what could be a secret: tokens and the queries of URLs. */
export function oneLine(text: string): string | undefined {
  const line = text
    .replace(/(https?:\/\/[^\s?"']+)\?[^\s"']*/gi, '$1')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
  if (line === '') return undefined
  return line.length > TEXT_LENGTH_MAX ? `${line.slice(0, TEXT_LENGTH_MAX)}...` : line
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
