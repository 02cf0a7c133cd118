// podman with a store of its own: pulls by a registry's real name, which its configuration sends to
// the mirror, and runs what it pulled.
import { writeFile } from 'node:fs/promises'
import { hostsFileOf, isolated, registriesConf, unavailable } from './client-tools.ts'
import type { MirrorTarget, RunningClient } from './client-tools.ts'
import { run } from './process.ts'
import { TempFolder } from './temp-folder.ts'

// The default limits are above what a container may set without CAP_SYS_RESOURCE.
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
`

export class Podman implements RunningClient {
  readonly #mirror: MirrorTarget
  readonly #folder: TempFolder

  private constructor(mirror: MirrorTarget, folder: TempFolder) {
    this.#mirror = mirror
    this.#folder = folder
  }

  static unavailable(): string | undefined {
    return unavailable('podman', 'runc', 'unshare')
  }

  static async start(mirror: MirrorTarget, registries = ['docker.io', 'ghcr.io']): Promise<Podman> {
    const folder = new TempFolder('podman')
    const storage = ['[storage]', 'driver = "overlay"', `graphroot = "${folder.join('store')}"`]
    storage.push(`runroot = "${folder.join('run')}"`, '')
    await writeFile(folder.join('registries.conf'), registriesConf(mirror, registries))
    await writeFile(folder.join('storage.conf'), storage.join('\n'))
    await writeFile(folder.join('containers.conf'), CONTAINERS_CONF)
    await writeFile(folder.join('logins.json'), '{}')
    return new Podman(mirror, folder)
  }

  async pull(reference: string): Promise<string> {
    await this.#podman('pull', '--quiet', reference)
    const inspected = await this.#podman('image', 'inspect', reference)
    const [image] = JSON.parse(inspected) as { readonly Digest: string }[]
    if (image === undefined) throw new Error(`podman knows no ${reference}`)
    return image.Digest
  }

  run(reference: string): Promise<string> {
    return this.#podman('run', '--rm', '--network=none', '--pull=never', reference)
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #podman(...args: readonly string[]): Promise<string> {
    const env = {
      CONTAINERS_REGISTRIES_CONF: this.#folder.join('registries.conf'),
      CONTAINERS_STORAGE_CONF: this.#folder.join('storage.conf'),
      CONTAINERS_CONF: this.#folder.join('containers.conf'),
      REGISTRY_AUTH_FILE: this.#folder.join('logins.json'),
      TMPDIR: this.#folder.path,
      ...(this.#mirror.ca !== undefined && { SSL_CERT_FILE: this.#mirror.ca }),
    }
    const hostsFile = hostsFileOf(this.#mirror, this.#folder)
    const { stdout } = await run(...isolated('podman', args, hostsFile), { env })
    return stdout.trim()
  }
}
