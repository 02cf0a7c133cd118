// `regmirror credentials`: which registries have a login, from where, and whether it works now.

import type { Arguments, CommandModule } from 'yargs'
import type { Config } from '../config/config.ts'
import { LoginError } from '../errors.ts'
import type { Credentials, FoundLogin } from '../upstream/login.ts'
import type { LoginCheck, Upstreams } from '../upstream/upstream.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { namedRegistry } from './named-registry.ts'
import { print, say } from './output.ts'

const DESCRIBE = 'say which registries have a login, and try it'

export const credentialsCommand = {
  command: 'credentials',
  describe: DESCRIBE,
  builder: (parser) =>
    parser.usage(`$0 credentials [REGISTRY...] [OPTION]...\n\n${DESCRIBE}`).options({
      json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of a table' },
      ...settingOptions,
    }),
  handler: showCredentials,
} as const satisfies CommandModule

interface Shown {
  readonly registry: string
  readonly user: string | null
  readonly origin: string | null
  /** `partial`: only some repositories have one. */
  readonly outcome: LoginCheck['outcome'] | 'none' | 'partial'
  readonly message: string
}

async function showCredentials(argv: Arguments): Promise<void> {
  const { flags, words, problems } = readTypedFlags(argv, 'credentials', ['json'], Infinity)
  const [{ loadConfig }, { createCredentials }, { openUpstreams }, { silentLog }] =
    await Promise.all([
      import('../config/load.ts'),
      import('../credentials/registry-credentials.ts'),
      import('../open-mirror.ts'),
      import('../lib/log.ts'),
    ])
  const { config } = loadConfig(flags, problems)
  const credentials = createCredentials(config, Date.now)
  const upstreams = openUpstreams(config, credentials, silentLog)
  try {
    const registries = registriesToShow(words, config, credentials)
    const all = registries.map((registry) =>
      examine(registry, credentials.get(registry), upstreams),
    )
    const shown = await Promise.all(all)
    await print(argv['json'] ? `${JSON.stringify(shown, undefined, 2)}\n` : table(shown))
    if (!argv['json']) explain(shown)
    if (shown.some(({ outcome }) => outcome === 'refused')) process.exitCode = 1
  } finally {
    await upstreams.close()
  }
}

function registriesToShow(
  words: readonly string[],
  config: Config,
  credentials: ReadonlyMap<string, Credentials>,
): string[] {
  if (words.length > 0) return [...new Set(words.map((word) => namedRegistry(word, config)))]
  return [...config.registries.keys()].filter((name) => credentials.get(name)?.mayExist)
}

async function examine(
  registry: string,
  credentials: Credentials | undefined,
  upstreams: Upstreams,
): Promise<Shown> {
  try {
    const found = await credentials?.login()
    if (!found) {
      return { registry, user: null, origin: null, ...withoutLogin(registry, credentials) }
    }
    const check = await upstreams.registry(registry).checkLogin()
    return { registry, user: userOf(found), origin: found.origin, ...check }
  } catch (error) {
    if (!(error instanceof LoginError)) throw error
    const message = `${registry}: ${error.message}`
    return { registry, user: null, origin: null, outcome: 'refused', message }
  }
}

function withoutLogin(
  registry: string,
  credentials: Credentials | undefined,
): Pick<Shown, 'outcome' | 'message'> {
  const namespaces = [...new Set(credentials?.namespaces)]
  if (namespaces.length === 0) return { outcome: 'none', message: `${registry}: there is no login` }
  const names = namespaces.map((name) => `${name}/...`).join(', ')
  const message = `${registry}: there is a login for ${names} only, which was not tried`
  return { outcome: 'partial', message }
}

function userOf({ login }: FoundLogin): string | null {
  return login.kind === 'password' ? login.username : null
}

function table(shown: readonly Shown[]): string {
  const rows = shown.map(({ registry, user, origin, outcome }) => [
    registry,
    user ?? '-',
    outcome,
    origin ?? '-',
  ])
  const all = [['REGISTRY', 'USER', 'LOGIN', 'FROM'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) => `${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')}\n`)
    .join('')
}

function explain(shown: readonly Shown[]): void {
  const troubled = shown.filter(({ outcome }) => outcome !== 'works' && outcome !== 'none')
  const sentences = saidOnce(troubled)
  if (shown.length === 0) sentences.push('no registry has a login: "regmirror login" stores one')
  for (const sentence of sentences) say(sentence)
}

/** What is wrong with a file is wrong for every registry whose login it holds. */
function saidOnce(shown: readonly Shown[]): string[] {
  const registriesBySentence = new Map<string, string[]>()
  for (const { registry, message } of shown) {
    const sentence = message.slice(message.startsWith(`${registry}: `) ? registry.length + 2 : 0)
    const registries = registriesBySentence.get(sentence) ?? []
    registriesBySentence.set(sentence, [...registries, registry])
  }
  return Array.from(registriesBySentence, ([sentence, names]) => `${names.join(', ')}: ${sentence}`)
}
