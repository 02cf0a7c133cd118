// A map that forgets what was used longest ago.

import { LRUCache } from 'lru-cache'

/**
 * Grows as it fills. The cache's own `max` takes the room for all entries at once, and there are
 * several such maps for each endpoint of each registry.
 */
export function boundedMap<
  Key extends object | string,
  Value extends object | string | number | true,
>(entriesMax: number): LRUCache<Key, Value> {
  return new LRUCache<Key, Value>({ maxSize: entriesMax, sizeCalculation: () => 1 })
}
