// The registry that somebody names at the command line.

import type { Config } from '../config/config.ts'
import { optionRegistry } from '../config/registry-entry.ts'
import { quote, suggestion } from '../config/wording.ts'
import { ConfigError } from '../errors.ts'

/** Canonical, and one of the configuration; `https://index.docker.io/v1/` is Docker Hub too. */
export function namedRegistry(text: string, { registries, aliases }: Config): string {
  const isUrl = /^https?:\/\//i.test(text)
  const host = isUrl ? (URL.parse(text)?.host ?? text) : text.replace(/\/+$/, '')
  const name = optionRegistry(host)
  const registry = aliases.get(name) ?? name
  if (registries.has(registry)) return registry
  const hint =
    suggestion(name, [...registries.keys()]) ||
    `: the known ones are ${[...registries.keys()].join(', ')}; --registry NAME=URL adds one`
  throw new ConfigError([`${quote(text)} is not a registry that regmirror knows${hint}`])
}
