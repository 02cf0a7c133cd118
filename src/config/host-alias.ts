// `HOST=REGISTRY`: a host by which clients reach this mirror, and the registry it stands for.

import type { Parsed } from './parsed.ts'
import { isHost, optionRegistry } from './registry-entry.ts'
import { canonicalRegistry } from './well-known.ts'
import { hideLogins, quote } from './wording.ts'

export interface HostAlias {
  readonly host: string
  /** As in the configuration; whether it is there is checked with the others. */
  readonly registry: string
}

const EXAMPLE = 'docker.box.lan=docker.io'

export function parseHostAlias(text: string): Parsed<HostAlias> {
  const [host = '', registry = '', ...more] = text.split('=').map((part) => part.trim())
  if (host === '' || registry === '' || more.length > 0) {
    return { problem: `${quote(text)} is not of the form HOST=REGISTRY, such as ${EXAMPLE}` }
  }
  if (!isHost(host.toLowerCase())) {
    return {
      problem: `${quote(host)} is not a host by which clients reach the mirror, as in ${EXAMPLE}`,
    }
  }
  const alias = { host: host.toLowerCase(), registry: optionRegistry(registry) }
  const known = canonicalRegistry(alias.host)
  if (known !== alias.host && known !== alias.registry) {
    return {
      problem: `${alias.host} is another name of ${known} and cannot stand for ${hideLogins(alias.registry)}`,
    }
  }
  return { value: alias }
}

/** `box.lan`: the names below it are known, so it is a name itself. */
export function parseBaseDomain(text: string): Parsed<string> {
  const domain = text
    .trim()
    .toLowerCase()
    .replace(/^\*?\./, '')
  if (isHost(domain) && !/:|^[\d.]+$|^\[/.test(domain)) return { value: domain }
  return {
    problem: `${quote(text)} is not a domain such as box.lan, below which docker.box.lan and ghcr.box.lan lead to this machine`,
  }
}
