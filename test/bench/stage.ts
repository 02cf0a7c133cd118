// What a run stands on: the upstream with its images, a shaped link in front of it, and the servers
// that stay up for the hits. Each is started when a part first asks for it.
import path from 'node:path'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Program } from '../support/process.ts'
import { Catalog } from './catalog.ts'
import { startMirror, startNginx, startPeer } from './servers.ts'
import type { Server } from './servers.ts'
import type { Programs } from './programs.ts'
import { UpstreamLog } from './upstream-log.ts'

const LINK = path.join(import.meta.dirname, 'link-process.ts')
export const LINK_BYTES_PER_SECOND = 100e6

export class Stage implements AsyncDisposable {
  readonly upstream: DockerRegistry
  readonly log: UpstreamLog
  readonly catalog: Catalog
  readonly programs: Programs
  readonly say: (line: string) => void
  readonly #stack: AsyncDisposableStack
  #link: Promise<string> | undefined
  #warm: Promise<readonly Server[]> | undefined

  private constructor(
    upstream: DockerRegistry,
    programs: Programs,
    say: (line: string) => void,
    stack: AsyncDisposableStack,
  ) {
    this.upstream = upstream
    this.log = new UpstreamLog(upstream.program)
    this.catalog = new Catalog(upstream, say)
    this.programs = programs
    this.say = say
    this.#stack = stack
  }

  static async start(programs: Programs, say: (line: string) => void): Promise<Stage> {
    await using stack = new AsyncDisposableStack()
    const upstream = stack.use(await DockerRegistry.start())
    return new Stage(upstream, programs, say, stack.move())
  }

  // The upstream's URL through a link of LINK_BYTES_PER_SECOND.
  link(): Promise<string> {
    this.#link ??= this.#startLink()
    return this.#link
  }

  // Servers that run, and keep what they hold, until the end. What they hold is a part's business.
  warm(): Promise<readonly Server[]> {
    this.#warm ??= this.#startWarm()
    return this.#warm
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

  async #startLink(): Promise<string> {
    const args = [LINK, this.upstream.url, String(LINK_BYTES_PER_SECOND)]
    const program = this.#stack.use(new Program(process.execPath, args))
    return await program.waitForLine(/^http:/, undefined, 'stdout')
  }

  async #startWarm(): Promise<readonly Server[]> {
    const { url, folder } = this.upstream
    const servers = [this.#stack.use(await startMirror(url)), this.#stack.use(await startPeer(url))]
    if (this.programs.nginx) {
      servers.push(this.#stack.use(await startNginx(folder, await this.catalog.small())))
    }
    return servers
  }
}
