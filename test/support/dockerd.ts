// A dockerd of its own, with the mirror in registry-mirrors and a hosts file in which Docker Hub is
// this machine's loopback, where nothing answers for it: what is pulled came from the mirror.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { hostsFileOf, isolated, unavailable } from './client-tools.ts'
import type { MirrorTarget, RunningClient } from './client-tools.ts'
import { newerDocker } from './newer-docker.ts'
import { Program, run } from './process.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

const HUB_HOSTS = ['registry-1.docker.io', 'auth.docker.io', 'index.docker.io', 'docker.io']
const NO_NETWORK = ['iptables', 'ip6tables', 'ip-masq', 'ip-forward'].map(
  (flag) => `--${flag}=false`,
)

export interface DockerdOptions {
  // Of a newer Docker. `containerd`: its image store and BuildKit both send `?ns=`; `layers`: the
  // store of before, which sends none; both take mirrors whose URL has a path.
  readonly imageStore?: 'containerd' | 'layers'
}

export class Dockerd implements RunningClient {
  readonly #folder: TempFolder
  readonly #env: Readonly<Record<string, string>>
  readonly #daemon: Program
  readonly #socket: string
  #builds = 0

  private constructor(folder: TempFolder, mirror: MirrorTarget, { imageStore }: DockerdOptions) {
    this.#folder = folder
    const newer = imageStore && { PATH: `${newerDocker.path}:${process.env['PATH'] ?? ''}` }
    const trust = mirror.ca !== undefined && { SSL_CERT_FILE: mirror.ca }
    this.#env = { TMPDIR: folder.path, ...newer, ...trust }
    const { port } = new URL(mirror.url)
    this.#socket = `unix://${folder.join('sock')}`
    const folders = ['data-root', 'exec-root', 'pidfile'].map(
      (flag) => `--${flag}=${folder.join(flag)}`,
    )
    const args = [
      `--host=${this.#socket}`,
      ...folders,
      `--config-file=${folder.join('daemon.json')}`,
      ...(imageStore === 'containerd' ? [] : ['--storage-driver=overlay2']),
      '--bridge=none',
      ...NO_NETWORK,
      `--registry-mirror=${mirror.url}`,
      ...(mirror.hosts ?? []).map((host) => `--insecure-registry=${host}:${port}`),
    ]
    const hosts = [...HUB_HOSTS, ...(mirror.hosts ?? [])]
    const hostsFile = hostsFileOf({ ...mirror, hosts }, folder)
    this.#daemon = new Program(...isolated('dockerd', args, hostsFile), { env: this.#env })
  }

  static unavailable({ imageStore }: DockerdOptions = {}): string | undefined {
    const newer = imageStore ? newerDocker.programs : []
    return unavailable('dockerd', 'docker', 'containerd', 'runc', 'unshare', ...newer)
  }

  static async start(mirror: MirrorTarget, options: DockerdOptions = {}): Promise<Dockerd> {
    const folder = new TempFolder('dockerd')
    const { imageStore } = options
    const features = imageStore && { 'containerd-snapshotter': imageStore === 'containerd' }
    await writeFile(folder.join('daemon.json'), JSON.stringify({ features }))
    if (imageStore) await addBuildx(folder)
    const dockerd = new Dockerd(folder, mirror, options)
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

  // BuildKit pulls what the image is built from; gives what the built image printed.
  async build(from: string): Promise<string> {
    const name = `built-${(this.#builds += 1)}`
    const context = this.#folder.join(name)
    await mkdir(context)
    await writeFile(path.join(context, 'Dockerfile'), `FROM ${from}\nCOPY Dockerfile /\n`)
    await this.#docker('buildx', 'build', '--quiet', '--tag', name, context)
    return await this.run(name)
  }

  async close(): Promise<void> {
    await this.#daemon.close()
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #docker(...args: readonly string[]): Promise<string> {
    const settings = { DOCKER_CONFIG: cliFolder(this.#folder), DOCKER_HOST: this.#socket }
    const env = { ...this.#env, ...settings }
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

function cliFolder(folder: TempFolder): string {
  return folder.join('cli')
}

async function addBuildx(folder: TempFolder): Promise<void> {
  const plugins = path.join(cliFolder(folder), 'cli-plugins')
  await mkdir(plugins, { recursive: true })
  await symlink(newerDocker.buildx, path.join(plugins, 'docker-buildx'))
}
