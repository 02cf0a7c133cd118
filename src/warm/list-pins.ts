// What each list keeps after a run of it. Pure.

import type { Repository } from '../oci/name.ts'
import type { ListPin, ListPins } from '../store/index-port.ts'
import type { Image } from './image.ts'
import type { LinePlan } from './lines.ts'
import type { Wanted } from './wanted.ts'

export interface KeptBy {
  /** As the index is told: `list` and the path. */
  readonly by: string
  readonly pins: ListPins
}

export interface ListPinsOptions {
  /** Of every list of the run that has one, also of one that means nothing any more. */
  readonly paths: readonly string[]
  /** In the order of the report. */
  readonly images: readonly Image[]
  /** Nothing ended the planning: what is not among the images has left its list. */
  readonly isWhole: boolean
  readonly lines: readonly Pick<LinePlan, 'path' | 'repository' | 'why' | 'isUnsure'>[]
  readonly at: number
}

export function listPins({ paths, images, isWhole, lines, at }: ListPinsOptions): KeptBy[] {
  const unsure = [...unsureOf(lines), ...images.filter(mayHideMore).map(repositoryOf)]
  const untold = new Set(lines.filter(mayMeanAny).map((line) => line.path))
  return [...new Set(paths)].map((path) => {
    const own = images.filter(({ wanted }) => wanted.pinnedBy.has(path))
    return {
      by: `list ${path}`,
      pins: {
        held: own.filter(isKept).map(({ wanted }) => {
          return { ...pinOf(wanted), keepMs: wanted.pinnedBy.get(path) }
        }),
        releasesOthers: isWhole && !untold.has(path),
        still: own.filter((image) => !isKept(image)).map(({ wanted }) => pinOf(wanted)),
        unsure,
        at,
      },
    }
  })
}

/** The same right after the plan: what it no longer means has left, before anything comes. */
export function releases(options: ListPinsOptions): KeptBy[] {
  return listPins(options).map(({ by, pins }) => ({
    by,
    pins: { ...pins, held: [], still: [...pins.held, ...pins.still] },
  }))
}

/** Repositories of which it could not be told what their lines mean, or of which that is too much. */
function unsureOf(lines: ListPinsOptions['lines']): readonly Repository[] {
  const unsure = lines.filter(({ isUnsure, why }) => isUnsure || why?.cause === 'too-many')
  return unsure.flatMap(({ repository }) => repository ?? [])
}

/** Of such a line nobody can tell which of its list's images it meant before. */
function mayMeanAny({ repository, isUnsure }: ListPinsOptions['lines'][number]): boolean {
  return isUnsure && repository === undefined
}

/** What refers to it is told only once it is there. */
function mayHideMore(image: Image): boolean {
  return image.wanted.referrers !== 'no' && !isKept(image)
}

function repositoryOf({ wanted }: Image): Repository {
  return wanted.repository
}

function isKept({ status, why }: Image): boolean {
  return (status === 'fresh' || status === 'warmed') && why?.cause !== 'budget'
}

/** A tag beside a digest is only its name: what is kept is the digest, wherever the tag goes. */
export function pinOf({ repository, reference, pinned }: Wanted): Omit<ListPin, 'keepMs'> {
  return { repository, reference: pinned === undefined ? reference : { digest: pinned } }
}
