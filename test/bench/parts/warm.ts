// What a nightly run costs when nothing has changed: a HEAD for each tag, and with `every=` not even that.
import type { Part } from '../part.ts'
import { SUBJECT } from '../results.ts'
import { heldList, warmAgain } from '../warm-list.ts'

export const warm: Part = async (stage) => {
  const asked = await heldList(stage, '')
  const daily = await heldList(stage, ' every=1d', asked.command.dataFolder)

  return async (round) => {
    for (const [how, list] of [
      ['each asked for', asked],
      ['every=1d', daily],
    ] as const) {
      const title = `warm, ${list.images} tags that are held, ${how}`
      await round.measure(title, SUBJECT, () => warmAgain(list, stage))
    }
  }
}
