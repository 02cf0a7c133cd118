// Upstreams that count the bytes of content they give, whoever asks them and whatever becomes of it.

import type { OpenedBlob, UpstreamRegistry, Upstreams } from '../upstream/upstream.ts'
import type { Counts } from './counts.ts'

export function countedUpstreams(upstreams: Upstreams, counts: Counts): Upstreams {
  const counted = new WeakMap<UpstreamRegistry, UpstreamRegistry>()
  const countedOf = (registry: UpstreamRegistry): UpstreamRegistry => {
    const known = counted.get(registry) ?? countedRegistry(registry, counts)
    counted.set(registry, known)
    return known
  }
  return {
    registry: (name) => countedOf(upstreams.registry(name)),
    all: () => upstreams.all().map(countedOf),
    close: () => upstreams.close(),
  }
}

function countedRegistry(upstream: UpstreamRegistry, counts: Counts): UpstreamRegistry {
  const { registry } = upstream
  return {
    ...upstream,
    get hasLogin() {
      return upstream.hasLogin
    },
    async getManifest(...asked) {
      const fetched = await upstream.getManifest(...asked)
      if (fetched) counts.fetched(registry, fetched.bytes.byteLength)
      return fetched
    },
    async openBlob(...asked) {
      const opened = await upstream.openBlob(...asked)
      return (
        opened && {
          ...opened,
          body: countedBody(opened.body, (bytes) => counts.fetched(registry, bytes)),
        }
      )
    },
  }
}

async function* countedBody(
  body: OpenedBlob['body'],
  heard: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body) {
    heard(chunk.byteLength)
    yield chunk
  }
}
