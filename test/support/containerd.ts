// A containerd of its own and ctr: pulls through hosts.toml, so every request carries `?ns=`, and
// runs what it pulled.
import { mkdir, writeFile } from 'node:fs/promises'
import { isolated, unavailable } from './client-tools.ts'
import type { MirrorTarget, RunningClient } from './client-tools.ts'
import { CLOSED_ORIGIN } from './net-ports.ts'
import { Program, run } from './process.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

export class Containerd implements RunningClient {
  readonly #folder: TempFolder
  readonly #daemon: Program
  #containers = 0

  private constructor(folder: TempFolder) {
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
    registries = ['docker.io', 'ghcr.io'],
  ): Promise<Containerd> {
    const folder = new TempFolder('ctrd')
    await writeFile(folder.join('config.toml'), configToml(folder))
    for (const registry of registries) {
      await mkdir(folder.join('hosts', registry), { recursive: true })
      await writeFile(folder.join('hosts', registry, 'hosts.toml'), hostsToml(mirror))
    }
    const containerd = new Containerd(folder)
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
    return this.#ctr('run', '--rm', reference, `container-${(this.#containers += 1)}`)
  }

  async close(): Promise<void> {
    await this.#daemon.close()
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('ctr', ['--address', this.#folder.join('sock'), ...args])
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
function hostsToml(mirror: MirrorTarget): string {
  return [
    `server = "http://${CLOSED_ORIGIN}"`,
    `[host."${mirror.url}"]`,
    'capabilities = ["pull", "resolve"]',
    '',
  ].join('\n')
}
