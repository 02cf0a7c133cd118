// Where test/setup-clients.ts unpacks a Docker that is newer than the machine's own: the first with
// a containerd image store that works, and with BuildKit.
import path from 'node:path'

export const newerDockerFolder = path.join(
  import.meta.dirname,
  '../../node_modules/.cache/newer-docker',
)

const programs = (folder: string, ...names: readonly string[]): string[] =>
  names.map((name) => path.join(newerDockerFolder, 'usr', folder, name))
const [buildx = ''] = programs('libexec/docker/cli-plugins', 'docker-buildx')

export const newerDocker = {
  path: ['bin', 'sbin'].map((folder) => path.join(newerDockerFolder, 'usr', folder)).join(':'),
  programs: [
    ...programs('sbin', 'dockerd'),
    ...programs('bin', 'docker', 'containerd', 'containerd-shim-runc-v2'),
    buildx,
  ],
  buildx,
}
