// `@registry docker.io reserve=30 jobs=2 rps=5 alias=hub.lan`

import { readKeyedWords } from './keyed-words.ts'
import type { Key } from './keyed-words.ts'
import { mistaken, quoted, readAs } from './mistake.ts'
import type { Mistake, Read } from './mistake.ts'
import { parseHost } from './parse-host.ts'
import type { WrittenRegistryRule } from './statement.ts'
import { commaSeparated, readWhole } from './values.ts'
import type { Word } from './words.ts'

type Said = Partial<Omit<WrittenRegistryRule, 'host'>>

const KEYS: Readonly<Record<string, Key<Said>>> = {
  reserve: {
    example: 'reserve=30',
    read: (value) => readAs(readWhole(value, 0, 'reserve=30'), (reserve) => ({ reserve })),
  },
  jobs: {
    example: 'jobs=2',
    read: (value) => readAs(readWhole(value, 1, 'jobs=2'), (jobs) => ({ jobs })),
  },
  rps: {
    example: 'rps=5',
    read: (value) => readAs(readRate(value), (requestsPerSecond) => ({ requestsPerSecond })),
  },
  alias: {
    example: 'alias=hub.lan',
    isRepeatable: true,
    read: (value, { aliases = [] }) =>
      readAs(readHosts(value), (hosts) => ({ aliases: [...new Set([...aliases, ...hosts])] })),
  },
}
const EXAMPLE = '@registry docker.io reserve=30 jobs=2 rps=5 alias=hub.lan'

export function parseRegistryRule(
  [registry, ...words]: readonly Word[],
  { at }: Word,
): { readonly rule?: WrittenRegistryRule; readonly mistakes: readonly Mistake[] } {
  if (!registry || words.length === 0) {
    return { mistakes: [{ at, message: `@registry needs a host and what to do: ${EXAMPLE}` }] }
  }
  const host = readHost(registry)
  const { values, mistakes } = readKeyedWords(words, KEYS, 'known behind @registry', {})
  if ('mistake' in host) return { mistakes: [host.mistake, ...mistakes] }
  if (mistakes.length > 0) return { mistakes }
  return { rule: { aliases: [], ...values, host: host.value }, mistakes }
}

function readHost({ text, at }: Word): Read<string> {
  const slash = text.indexOf('/')
  if (slash < 0) return parseHost(text, at)
  const message = `the host of a registry stands alone here: ${quoted(text.slice(0, slash))}`
  return mistaken(at + slash, message)
}

function readHosts(value: Word): Read<readonly string[]> {
  const hosts: string[] = []
  for (const part of commaSeparated(value)) {
    const host = readHost(part)
    if ('mistake' in host) return host
    hosts.push(host.value)
  }
  return { value: hosts }
}

function readRate({ text, at }: Word): Read<number> {
  const rate = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (rate > 0) return { value: rate }
  return mistaken(
    at,
    `${quoted(text)} is not a number of requests per second, as in rps=5 or rps=0.5`,
  )
}
