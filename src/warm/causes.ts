// Why an image failed or was left, in words for whoever runs it, with the next step.

import type { WarmCause } from '../care/warm-job.ts'
import { IntegrityError, LoginError, StoreError, UpstreamError } from '../errors.ts'
import type { StoreErrorKind, UpstreamErrorKind } from '../errors.ts'
import { Exhausted } from './patience.ts'

export interface Why {
  readonly cause: WarmCause
  readonly because: string
  readonly remedy: string | undefined
}

/** Not an error of anything: what an image lacks, found out by the run itself. */
export class Lacking extends Error implements Why {
  override readonly name = 'Lacking'
  override readonly cause: WarmCause
  readonly remedy: string | undefined

  constructor(cause: WarmCause, because: string, remedy?: string) {
    super(because)
    this.cause = cause
    this.remedy = remedy
  }

  get because(): string {
    return this.message
  }
}

export function whyOf(error: unknown, registry: string): Why {
  // Its parts, not the error: whoever spreads an error gets neither its message nor what is read from it.
  if (error instanceof Lacking) {
    return { cause: error.cause, because: error.because, remedy: error.remedy }
  }
  const because = error instanceof Error ? error.message : String(error)
  if (error instanceof UpstreamError) return { because, ...ofUpstream(error.kind, registry) }
  if (error instanceof StoreError) return { because, ...ofStore(error.kind) }
  if (error instanceof Exhausted) return { because, ...ofUpstream('rate-limited', registry) }
  if (error instanceof IntegrityError) {
    const remedy = `tell whoever runs ${registry}, or name another endpoint of it with --registry`
    return { cause: 'wrong-content', because, remedy }
  }
  if (error instanceof LoginError) return { cause: 'unauthorized', because, remedy: error.remedy }
  return { cause: 'other', because, remedy: undefined }
}

function ofUpstream(kind: UpstreamErrorKind, registry: string): Pick<Why, 'cause' | 'remedy'> {
  const login = `regmirror login ${registry}`
  switch (kind) {
    case 'not-visible':
      return { cause: 'unauthorized', remedy: `check the name; if it is private: ${login}` }
    case 'unauthorized':
      return { cause: 'unauthorized', remedy: login }
    case 'rate-limited':
      return {
        cause: 'rate-limited',
        remedy: `run it again later; a login may be given more: ${login}`,
      }
    case 'unreachable':
    case 'timed-out':
    case 'set-aside':
      return { cause: 'unreachable', remedy: `check the network and the way to ${registry}` }
    case 'offline':
      return { cause: 'offline', remedy: 'leave --offline out' }
    case 'bad-response':
      return {
        cause: 'bad-response',
        remedy: `run it again later; if it stays so, tell whoever runs ${registry}`,
      }
  }
}

function ofStore(kind: StoreErrorKind): Pick<Why, 'cause' | 'remedy'> {
  switch (kind) {
    case 'full':
      return { cause: 'disk', remedy: 'free space on the disk of the data folder: regmirror gc' }
    case 'no-room':
      return {
        cause: 'room',
        remedy:
          'free space on its disk or lower --min-free, raise --max-size where one is set, or remove ' +
          'images: regmirror rm, regmirror gc',
      }
    case 'io':
      return { cause: 'other', remedy: 'look at the disk of the data folder, then run it again' }
    case 'damaged-file':
      return { cause: 'other', remedy: 'check the disk of the data folder, then: regmirror verify' }
    default:
      return { cause: 'other', remedy: undefined }
  }
}
