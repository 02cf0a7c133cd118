// Whether a registry that gave no more pulls gives some again: one HEAD now and then.

import { unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import type { Image } from './image.ts'
import type { RegistryState } from './registry-state.ts'

const LOOK_EVERY_MS = 10 * 60_000

/** Waits until some of them may go on, which are deferred no longer; none where the run ends first. */
export async function pullsAgain(
  context: RunContext,
  deferred: readonly Image[],
  sleep: (durationMs: number, signal: AbortSignal) => Promise<void>,
): Promise<readonly Image[]> {
  const { registries, ending } = context
  const examples = new Map<RegistryState, Image>()
  for (const image of deferred) {
    const registry = registries.of(image.registry)
    if (!examples.has(registry) || 'tag' in image.wanted.reference) examples.set(registry, image)
  }
  while (examples.size > 0 && !ending.signal.aborted) {
    try {
      await sleep(LOOK_EVERY_MS, ending.signal)
    } catch {
      break
    }
    const giving = new Set<string>()
    for (const [registry, image] of examples) {
      if (await givesAgain(context, registry, image)) giving.add(registry.name)
    }
    const again = deferred.filter(({ registry }) => giving.has(registry))
    for (const image of again) image.isDeferred = false
    if (again.length > 0) return again
  }
  return []
}

async function givesAgain(
  { mirror, ending }: RunContext,
  registry: RegistryState,
  { wanted: { repository, reference } }: Image,
): Promise<boolean> {
  registry.patience.askAgain()
  // Where no tag can be asked for, pulls are given again when what was told of them is over.
  if (!('tag' in reference)) return registry.givesAgain()
  try {
    await registry.ask(
      'heads',
      () => unlessEnded(mirror.head(repository, reference.tag), ending.signal),
      ending.signal,
    )
  } catch {
    return false
  }
  return registry.givesAgain()
}
