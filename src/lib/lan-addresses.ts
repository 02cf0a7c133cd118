// The addresses under which other machines probably reach this one, likeliest first.

import { networkInterfaces } from 'node:os'

/** Bridges and tunnels of container engines and virtual machines: reachable from this box only. */
const VIRTUAL = /^(?:docker|br-|veth|cni|cbr|virbr|vmnet|flannel|cali|podman|lxc|lxd|kube|tap)/

export function lanAddresses(interfaces = networkInterfaces()): string[] {
  return Object.entries(interfaces)
    .flatMap(([name, addresses = []]) => addresses.map((address) => ({ name, ...address })))
    .filter(({ internal, family, name }) => !internal && family === 'IPv4' && !VIRTUAL.test(name))
    .map(({ address }) => address)
}
