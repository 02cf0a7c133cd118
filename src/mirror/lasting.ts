// Until when an answer out of memory is the right one, for whoever gives it again without asking.

import type { Access } from '../list/access.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import { denialOf } from './denial.ts'
import type { Visibility } from './visibility.ts'

export interface LastingOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly access?: Access | undefined
  readonly now: () => number
}

export interface Answered {
  readonly repository: Repository
  readonly tag: Tag | undefined
  /** How many changes the index had seen before anything was looked up. */
  readonly changes: number
  /** When that was, in ms since the epoch, as is `freshUntil`. */
  readonly since: number
  readonly freshUntil: number
}

/**
 * Tells at any time whether the same would be answered, and nobody asked. An answer comes of the index,
 * of the operator's lists, of whether there is a login, and of the time: where one of them is another
 * than it was, somebody has to look again, whatever that comes to. Undefined: it is over already.
 */
export async function lasting(
  { repository, tag, changes, since, freshUntil }: Answered,
  visibility: Pick<Visibility, 'answeredUntil'>,
  { index, upstreams, access, now }: LastingOptions,
): Promise<(() => boolean) | undefined> {
  const upstream = upstreams.registry(repository.registry)
  const { hasLogin } = upstream
  // A clock that is set back, be it meanwhile, must not keep it for years.
  const from = Math.max(since, now())
  const until = Math.min(freshUntil, await visibility.answeredUntil(repository))
  const lasts = (): boolean => {
    const time = now()
    return (
      index.changes() === changes &&
      upstream.hasLogin === hasLogin &&
      time >= from &&
      time < until &&
      denialOf(access, repository, tag) === undefined
    )
  }
  return lasts() ? lasts : undefined
}
