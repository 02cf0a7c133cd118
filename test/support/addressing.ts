// A mirror's settings as far as they tell what names mean.
import type { Addressing } from '../../src/mirror/target.ts'

const PLAIN = { literalNames: false }

export const addressing: Addressing = {
  registries: new Map([
    ['docker.io', PLAIN],
    ['ghcr.io', PLAIN],
    ['quay.io', PLAIN],
    ['lab.test:5000', PLAIN],
    ['registry.k8s.io', PLAIN],
  ]),
  aliases: new Map([
    ['registry-1.docker.io', 'docker.io'],
    ['k8s.gcr.io', 'registry.k8s.io'],
  ]),
  pathAliases: new Map([['lab', 'lab.test:5000']]),
  hosts: new Map(),
  defaultRegistry: 'docker.io',
}
