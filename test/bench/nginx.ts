// A running nginx with a configuration of `nginx-config.ts`.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import type { Certificate } from '../support/certificates.ts'
import { freePort } from '../support/net-ports.ts'
import { Program } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'
import type { SmallImage } from './catalog.ts'
import { cacheConfig, filesConfig } from './nginx-config.ts'
import type { NginxPlace } from './nginx-config.ts'
import { registryBlobFile } from './registry-files.ts'

export class Nginx implements AsyncDisposable {
  readonly url: string
  readonly program: Program
  readonly #port: number
  readonly #temp: TempFolder

  private constructor({ port, temp, certificate }: NginxPlace, config: string) {
    this.url = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`
    this.#port = port
    this.#temp = temp
    writeFileSync(temp.join('nginx.conf'), config)
    this.program = new Program('nginx', ['-p', temp.path, '-c', temp.join('nginx.conf')])
  }

  // On the files of a registry.
  static async serving(
    folder: string,
    images: readonly SmallImage[] = [],
    certificate?: Certificate,
  ): Promise<Nginx> {
    const place = { port: await freePort(), temp: new TempFolder('nginx'), certificate }
    for (const { repository, tag, digest } of images) {
      const file = place.temp.join('tags', repository, tag)
      mkdirSync(path.dirname(file), { recursive: true })
      cpSync(registryBlobFile(folder, digest), file)
    }
    const mediaType = images[0]?.mediaType ?? 'application/octet-stream'
    return await new Nginx(place, filesConfig(place, folder, mediaType)).#started()
  }

  // In front of a registry.
  static async caching(upstream: string): Promise<Nginx> {
    const place = { port: await freePort(), temp: new TempFolder('nginx') }
    return await new Nginx(place, cacheConfig(place, upstream)).#started()
  }

  async close(): Promise<void> {
    await this.program.close()
    await this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #started(): Promise<this> {
    try {
      await waitUntil(() => this.#listens(), { what: 'nginx listening' })
      return this
    } catch (error) {
      const report = this.program.report()
      await this.close()
      throw new Error(`nginx did not start\n${report}`, { cause: error })
    }
  }

  async #listens(): Promise<boolean> {
    if (this.program.exit !== undefined) throw new Error('it ended')
    const socket = net.connect(this.#port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isOpen
  }
}
