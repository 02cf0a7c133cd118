// What a run stands on: the upstream with its images, a shaped link in front of it, and the servers
// that stay up for the hits. Each is started when a part first asks for it.
import path from 'node:path'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Program } from '../support/process.ts'
import type { Runtime } from '../support/runtimes.ts'
import { Catalog } from './catalog.ts'
import type { Blob } from './catalog.ts'
import { checkHash } from './check-hash.ts'
import { blobUrl, startMirror, startNginx, startPeer } from './servers.ts'
import type { Server } from './servers.ts'
import type { Programs } from './programs.ts'
import { UpstreamLog } from './upstream-log.ts'
import { measureUsage } from './usage.ts'

const LINK = path.join(import.meta.dirname, 'link-process.ts')
export const LINK_BYTES_PER_SECOND = 100e6
// 20 Mbit/s, as a long line gives one connection of many.
export const CONNECTION_BYTES_PER_SECOND = 2.5e6

export class Stage implements AsyncDisposable {
  readonly upstream: DockerRegistry
  readonly log: UpstreamLog
  readonly catalog: Catalog
  readonly programs: Programs
  readonly runtimes: readonly Runtime[] // that the mirror is measured on too
  readonly say: (line: string) => void
  readonly #stack: AsyncDisposableStack
  #link: Promise<string> | undefined
  #longLine: Promise<string> | undefined
  #warm: Promise<readonly Server[]> | undefined
  readonly #filled = new Set<string>()

  private constructor(
    upstream: DockerRegistry,
    programs: Programs,
    runtimes: readonly Runtime[],
    say: (line: string) => void,
    stack: AsyncDisposableStack,
  ) {
    this.upstream = upstream
    this.log = new UpstreamLog(upstream.program)
    this.catalog = new Catalog(upstream, say)
    this.programs = programs
    this.runtimes = runtimes
    this.say = say
    this.#stack = stack
  }

  static async start(
    programs: Programs,
    runtimes: readonly Runtime[],
    say: (line: string) => void,
  ): Promise<Stage> {
    await using stack = new AsyncDisposableStack()
    const upstream = stack.use(await DockerRegistry.start())
    return new Stage(upstream, programs, runtimes, say, stack.move())
  }

  // The upstream's URL through a link of LINK_BYTES_PER_SECOND.
  link(): Promise<string> {
    this.#link ??= this.#startLink(LINK_BYTES_PER_SECOND)
    return this.#link
  }

  // The same through one that is slow for each connection, and the faster the more there are.
  longLine(): Promise<string> {
    this.#longLine ??= this.#startLink(CONNECTION_BYTES_PER_SECOND, 'each')
    return this.#longLine
  }

  // Servers that run, and keep what they hold, until the end. What they hold is a part's business.
  warm(): Promise<readonly Server[]> {
    this.#warm ??= this.#startWarm()
    return this.#warm
  }

  // Afterwards each holds the blob, and has sent it right twice: as it came, and from where it keeps it.
  // `authority`: PEM of the one to trust, for https.
  async fill(servers: readonly Server[], blob: Blob, authority?: string): Promise<void> {
    for (const server of servers) {
      const url = blobUrl(server, blob)
      if (this.#filled.has(url)) continue
      await measureUsage(server.pid, () => checkHash(url, blob.digest, authority))
      await checkHash(url, blob.digest, authority)
      this.#filled.add(url)
    }
  }

  // Kept until the end.
  async use<T extends AsyncDisposable>(started: Promise<T>): Promise<T> {
    return this.#stack.use(await started)
  }

  close(): Promise<void> {
    return this.#stack.disposeAsync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #startLink(bytesPerSecond: number, ...more: readonly string[]): Promise<string> {
    const args = [LINK, this.upstream.url, String(bytesPerSecond), ...more]
    const program = this.#stack.use(new Program(process.execPath, args))
    return await program.waitForLine(/^http:/, undefined, 'stdout')
  }

  async #startWarm(): Promise<readonly Server[]> {
    const { url, folder } = this.upstream
    const servers = [this.#stack.use(await startMirror(url)), this.#stack.use(await startPeer(url))]
    for (const runtime of this.runtimes) {
      servers.push(this.#stack.use(await startMirror(url, { runtime })))
    }
    if (this.programs.nginx) {
      servers.push(this.#stack.use(await startNginx(folder, await this.catalog.small())))
    }
    return servers
  }
}
