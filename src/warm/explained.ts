// What each line of the lists stands for, as rows for `list explain`. Pure.

import type { WarmLine, WarmLineImage } from '../care/warm-job.ts'
import type { Image } from './image.ts'
import { LOOK } from './lacks.ts'
import type { LineImage, LinePlan } from './lines.ts'
import { isForgiven } from './plan.ts'
import type { Plan } from './plan.ts'

/** In the order of the lists. */
export function lineRows({ images, lines }: Plan): readonly WarmLine[] {
  const byName = new Map(images.map((image) => [image.wanted.name, image]))
  return lines.map((line) => ({
    place: line.entry.place,
    text: line.entry.text,
    name: line.called,
    listed: line.listed,
    images: line.images.flatMap((each) => {
      const image = byName.get(each.wanted.name)
      return image ? lineImage(each, image) : []
    }),
    dropped: line.dropped,
    problem: problemOf(line),
  }))
}

function lineImage({ by }: LineImage, image: Image): WarmLineImage {
  const { wanted, holding, why, passedOver, status = 'left' } = image
  const isKnown = holding?.missingManifests.length === 0
  const missing = holding?.missingBlobs ?? []
  return {
    reference: wanted.name,
    by,
    status,
    because: passedOver ?? why?.because,
    platforms: wanted.platforms,
    totalBytes: isKnown ? holding.totalBytes : undefined,
    missingBytes: isKnown ? missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) : undefined,
  }
}

function problemOf({ entry, why }: LinePlan): string | undefined {
  if (!why || isForgiven(entry.options.isOptional, why)) return undefined
  const { because, remedy } = why
  return remedy === undefined || remedy === LOOK ? because : `${because}: ${remedy}`
}
