// A dockerd of its own, with the mirror in registry-mirrors and a hosts file in which Docker Hub is
// this machine's loopback, where nothing answers for it: what is pulled came from the mirror.
import { writeFile } from 'node:fs/promises'
import { isolated, unavailable } from './client-tools.ts'
import type { MirrorTarget, RunningClient } from './client-tools.ts'
import { Program, run } from './process.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

const HUB_HOSTS = 'registry-1.docker.io auth.docker.io index.docker.io docker.io'
const NO_NETWORK = ['iptables', 'ip6tables', 'ip-masq', 'ip-forward'].map(
  (flag) => `--${flag}=false`,
)

export class Dockerd implements RunningClient {
  readonly #folder: TempFolder
  readonly #daemon: Program
  readonly #socket: string

  private constructor(folder: TempFolder, mirror: MirrorTarget) {
    this.#folder = folder
    this.#socket = `unix://${folder.join('sock')}`
    const folders = ['data-root', 'exec-root', 'pidfile'].map(
      (flag) => `--${flag}=${folder.join(flag)}`,
    )
    const args = [
      `--host=${this.#socket}`,
      ...folders,
      `--config-file=${folder.join('daemon.json')}`,
      '--storage-driver=overlay2',
      '--bridge=none',
      ...NO_NETWORK,
      `--registry-mirror=${mirror.url}`,
    ]
    const script = 'mount --bind "$0" /etc/hosts && exec dockerd "$@"'
    this.#daemon = new Program(...isolated('sh', ['-c', script, folder.join('hosts'), ...args]), {
      env: { TMPDIR: folder.path },
    })
  }

  static unavailable(): string | undefined {
    return unavailable('dockerd', 'docker', 'containerd', 'runc', 'unshare')
  }

  static async start(mirror: MirrorTarget): Promise<Dockerd> {
    const folder = new TempFolder('dockerd')
    await writeFile(folder.join('hosts'), `127.0.0.1 localhost ${HUB_HOSTS}\n`)
    await writeFile(folder.join('daemon.json'), '{}\n')
    const dockerd = new Dockerd(folder, mirror)
    try {
      await waitUntil(() => dockerd.#answers(), { what: 'dockerd', everyMs: 50 })
      return dockerd
    } catch (error) {
      const report = dockerd.#daemon.report()
      await dockerd.close()
      throw new Error(`dockerd did not start\n${report}`, { cause: error })
    }
  }

  // Docker Hub's images only: no other registry goes through registry-mirrors.
  async pull(reference: string): Promise<string> {
    await this.#docker('pull', '--quiet', reference)
    const format = '{{json .RepoDigests}}'
    const digests = await this.#docker('image', 'inspect', '--format', format, reference)
    const [repoDigest = ''] = JSON.parse(digests) as string[] // name@sha256:...
    return repoDigest.slice(repoDigest.indexOf('@') + 1)
  }

  run(reference: string): Promise<string> {
    return this.#docker('run', '--rm', '--network=none', reference)
  }

  async close(): Promise<void> {
    await this.#daemon.close()
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #docker(...args: readonly string[]): Promise<string> {
    const env = { DOCKER_CONFIG: this.#folder.join('cli'), DOCKER_HOST: this.#socket }
    const { stdout } = await run('docker', args, { env })
    return stdout.trim()
  }

  async #answers(): Promise<boolean> {
    if (this.#daemon.exit !== undefined) throw new Error('it ended')
    return this.#docker('version').then(
      () => true,
      () => false,
    )
  }
}
