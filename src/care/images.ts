// `ls`: what is held, image by image, read in pages so that nothing waits for whoever looks.

import type { HeldImage, ImageCursor, ImageSelection, IndexReader } from '../store/reader-port.ts'
import type { ImageRow, Jobs } from './jobs.ts'
import { selectionsOf } from './typed-names.ts'
import type { KnownNames } from './typed-names.ts'

export interface LsOptions {
  readonly reader: IndexReader
  readonly names: KnownNames
  heldBytes(): Promise<number>
  /** What was gathered in memory is in the index once this resolves. */
  flushed(): Promise<void>
}

export function lsJob({ reader, names, heldBytes, flushed }: LsOptions): Jobs['ls'] {
  return async ({ prefix = '' }, { signal, rows }) => {
    await flushed()
    let images = 0
    for (const selection of selectionsOf(prefix, await reader.registries(), names)) {
      for await (const page of pagesOf(reader, selection)) {
        if (signal.aborted) return { images, heldBytes: 0 }
        images += page.length
        if (page.length > 0) await rows(page.map(rowOf))
      }
    }
    return { images, heldBytes: await heldBytes() }
  }
}

/** In the order of their names. */
export async function* pagesOf(
  reader: IndexReader,
  selection: ImageSelection,
): AsyncGenerator<readonly HeldImage[], void> {
  let after: ImageCursor | undefined
  do {
    const { images, next } = await reader.images(selection, after)
    yield images
    after = next
  } while (after)
}

function rowOf({ name, usedAt, ...image }: HeldImage): ImageRow {
  return { ...image, repository: name, lastPullAt: usedAt }
}
