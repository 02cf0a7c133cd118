// Whether a registry that gave no more pulls gives some again: one HEAD now and then.

import type { RunContext } from './context.ts'
import type { Image } from './image.ts'
import type { RegistryState } from './registry-state.ts'

const LOOK_EVERY_MS = 10 * 60_000

/** Waits until some of them may go on; none where the run ends first, or it can never be told. */
export async function pullsAgain(
  context: RunContext,
  deferred: readonly Image[],
  sleep: (durationMs: number, signal: AbortSignal) => Promise<void>,
): Promise<readonly Image[]> {
  const { registries, ending } = context
  const examples = new Map<RegistryState, Image>()
  for (const image of deferred) {
    if ('tag' in image.wanted.reference) examples.set(registries.of(image.registry), image)
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
    if (again.length > 0) return again
  }
  return []
}

async function givesAgain(
  { mirror, ending }: RunContext,
  registry: RegistryState,
  { wanted: { repository, reference } }: Image,
): Promise<boolean> {
  if (!('tag' in reference)) return false
  registry.patience.askAgain()
  try {
    await registry.ask('heads', () => mirror.head(repository, reference.tag), ending.signal)
  } catch {
    return false
  }
  return registry.givesAgain()
}
