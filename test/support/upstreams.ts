// The same images behind three doors of docker-registry: open, behind a token server, and sending
// blob downloads to a CDN. Each with a counting proxy in front.
import { CountingProxy } from './counting-proxy.ts'
import { DockerRegistry } from './docker-registry.ts'
import type { RegistryOptions } from './docker-registry.ts'
import { StaticCdn } from './static-cdn.ts'
import { TempFolder } from './temp-folder.ts'
import { TokenServer } from './token-server.ts'

export const UPSTREAM_KINDS = ['plain', 'token', 'redirect'] as const
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number]

export class Upstreams implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack
  readonly plain: DockerRegistry // push here
  readonly doors: Readonly<Record<UpstreamKind, CountingProxy>>
  readonly tokens: TokenServer
  readonly cdn: StaticCdn

  private constructor(stack: AsyncDisposableStack, parts: Parts) {
    this.#stack = stack
    this.plain = parts.plain
    this.doors = parts.doors
    this.tokens = parts.tokens
    this.cdn = parts.cdn
  }

  static async start(): Promise<Upstreams> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(new TempFolder('upstream')).path
    const cdn = stack.use(await StaticCdn.start(folder))
    const tokens = stack.use(await TokenServer.start())
    const plain = stack.use(await DockerRegistry.start({ folder }))
    const door = async (options: RegistryOptions, registry?: DockerRegistry) => {
      const behind = registry ?? stack.use(await DockerRegistry.start({ folder, ...options }))
      return stack.use(await CountingProxy.start(behind.url))
    }
    const doors = {
      plain: await door({}, plain),
      token: await door({ tokens }),
      redirect: await door({ redirectTo: cdn.url }),
    }
    return new Upstreams(stack.move(), { plain, doors, tokens, cdn })
  }

  close(): Promise<void> {
    return this.#stack.disposeAsync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

type Parts = Pick<Upstreams, 'plain' | 'doors' | 'tokens' | 'cdn'>
