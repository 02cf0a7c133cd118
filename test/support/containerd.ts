// A containerd of its own and ctr: pulls through hosts.toml, so every request carries `?ns=`, and
// runs what it pulled.
import { mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { hostsFileOf, isolated, unavailable } from './client-tools.ts'
import type { MirrorTarget, RunningClient } from './client-tools.ts'
import { CLOSED_ORIGIN } from './net-ports.ts'
import { Program, run } from './process.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

export interface ContainerdOptions {
  // Of the mirror's URL in a registry's hosts.toml; with `/v2/` in it, it is the whole path.
  readonly path?: (registry: string) => string
  // It then tries TLS first even on a plain port.
  readonly skipVerify?: boolean
}

export class Containerd implements RunningClient {
  readonly #mirror: MirrorTarget
  readonly #folder: TempFolder
  readonly #daemon: Program
  #containers = 0

  private constructor(mirror: MirrorTarget, folder: TempFolder) {
    this.#mirror = mirror
    this.#folder = folder
    const config = folder.join('config.toml')
    this.#daemon = new Program(...isolated('containerd', ['--config', config]), {
      env: { TMPDIR: folder.path },
    })
  }

  static unavailable(): string | undefined {
    return unavailable('containerd', 'ctr', 'runc', 'unshare')
  }

  static async start(
    mirror: MirrorTarget,
    registries: readonly string[] = ['docker.io', 'ghcr.io'],
    { path = () => '', skipVerify = false }: ContainerdOptions = {},
  ): Promise<Containerd> {
    const folder = new TempFolder('ctrd')
    await writeFile(folder.join('config.toml'), configToml(folder))
    for (const registry of registries) {
      await mkdir(folder.join('hosts', registry), { recursive: true })
      const toml = hostsToml(mirror.url + path(registry), mirror.ca, skipVerify)
      await writeFile(folder.join('hosts', registry, 'hosts.toml'), toml)
    }
    const containerd = new Containerd(mirror, folder)
    try {
      await waitUntil(() => containerd.#answers(), { what: 'containerd', everyMs: 50 })
      return containerd
    } catch (error) {
      const report = containerd.#daemon.report()
      await containerd.close()
      throw new Error(`containerd did not start\n${report}`, { cause: error })
    }
  }

  async pull(reference: string): Promise<string> {
    await this.#ctr('images', 'pull', '--hosts-dir', this.#folder.join('hosts'), reference)
    const table = await this.#ctr('images', 'list', `name==${reference}`)
    const digest = /\bsha256:[0-9a-f]{64}\b/.exec(table)?.[0]
    if (digest === undefined) throw new Error(`ctr lists no digest for ${reference}:\n${table}`)
    return digest
  }

  run(reference: string): Promise<string> {
    // The machine's cgroups are named after containers, whichever containerd runs them.
    const name = `${basename(this.#folder.path)}-${(this.#containers += 1)}`
    return this.#ctr('run', '--rm', reference, name)
  }

  async close(): Promise<void> {
    await this.#daemon.close()
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    const all = ['--address', this.#folder.join('sock'), ...args]
    const { stdout } = await run(...isolated('ctr', all, hostsFileOf(this.#mirror, this.#folder)))
    return stdout.trim()
  }

  async #answers(): Promise<boolean> {
    if (this.#daemon.exit !== undefined) throw new Error('it ended')
    return this.#ctr('--connect-timeout', '1s', 'version').then(
      () => true,
      () => false,
    )
  }
}

function configToml(folder: TempFolder): string {
  return [
    'version = 2',
    `root = "${folder.join('root')}"`,
    `state = "${folder.join('state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `address = "${folder.join('sock')}"`,
    '',
  ].join('\n')
}

// The fallback is a closed port, so that what is pulled came from the mirror.
function hostsToml(url: string, ca: string | undefined, skipVerify: boolean): string {
  return [
    `server = "http://${CLOSED_ORIGIN}"`,
    `[host."${url}"]`,
    'capabilities = ["pull", "resolve"]',
    ...(ca === undefined ? [] : [`ca = "${ca}"`]),
    ...(skipVerify ? ['skip_verify = true'] : []),
    ...(url.includes('/v2/') ? ['override_path = true'] : []),
    '',
  ].join('\n')
}
