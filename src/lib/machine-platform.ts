// What containers on this machine run on: warmed where no platform is named, or `host`.

import { endianness } from 'node:os'

/** Node's names of processors, where images call them otherwise. */
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: endianness() === 'LE' ? 'ppc64le' : 'ppc64',
  mipsel: 'mipsle',
}

/** Always Linux: on macOS and Windows too, containers run on a Linux of their own as a rule. */
export function machinePlatform(architecture: NodeJS.Architecture = process.arch): string {
  return `linux/${ARCHITECTURES[architecture] ?? architecture}`
}
