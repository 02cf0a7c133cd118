// What every part of a run works with.

import type { WarmMirror } from '../mirror/warm-port.ts'
import type { Board } from './board.ts'
import { whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import type { Ending } from './ending.ts'
import type { Image } from './image.ts'
import { Exhausted } from './patience.ts'
import { PullsUsedUp } from './registry-state.ts'
import type { RegistryState, RegistryStates } from './registry-state.ts'

export interface RunContext {
  readonly mirror: WarmMirror
  readonly registries: RegistryStates
  readonly board: Board
  readonly ending: Ending
  readonly now: () => number
}

export function registryOf(context: RunContext, image: Image): RegistryState {
  return context.registries.of(image.registry)
}

/** The image is given up, now or for this run. */
export function giveUp(context: RunContext, image: Image, error: unknown): void {
  const { ending } = context
  const isPostponed = error instanceof PullsUsedUp || error instanceof Exhausted
  if (isPostponed && ending.by === undefined) {
    image.isDeferred = true
    image.why = whyOf(error, image.registry)
    return
  }
  const why = ending.by === undefined ? whyOf(error, image.registry) : whyEnded(ending)
  if (why.cause === 'disk') ending.end('disk', why.because, why.remedy)
  if (why.cause === 'room') ending.foundNoRoom(why.remedy)
  const isLeft = why.cause === 'stopped' || why.cause === 'until' || why.cause === 'quota'
  end(context, image, isLeft ? 'left' : 'failed', why)
}

export function end(
  { board }: Pick<RunContext, 'board'>,
  image: Image,
  status: 'fresh' | 'warmed' | 'failed' | 'left',
  why?: Why,
): void {
  image.status = status
  image.why = why
  image.isDeferred = false
  board.ended(image)
}

/** It is no part of what the run comes to. */
export function passOver({ board }: RunContext, image: Image, because: string): void {
  image.passedOver = because
  image.status = undefined
  image.isDeferred = false
  board.passedOver(image)
  board.notice(`${image.wanted.name}: ${because}`)
}

function whyEnded({ by = 'stopped', because = '', remedy }: Ending): Why {
  return { cause: by, because, remedy }
}

/** Stops waiting when the run ends; what was begun goes on by itself. */
export async function unlessEnded<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = Promise.withResolvers<never>()
  const abort = (): void => ended.reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([promise, ended.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
