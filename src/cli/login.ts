// `regmirror login`: a registry's login, tried and then kept in the data folder. A running server uses
// it from its next request on.

import type { Arguments, CommandModule } from 'yargs'
import type { Config } from '../config/config.ts'
import { ConfigError, LoginError } from '../errors.ts'
import type { Login } from '../upstream/login.ts'
import { programName } from '../version.ts'
import { refuseSecondStore, requireDataFolder } from './data-folder.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { namedRegistry } from './named-registry.ts'
import { ask, readInput } from './prompt.ts'

const OWN = ['user', 'u', 'password-stdin', 'unchecked']
const NO_USER = 'name the user with --user'
const NO_PASSWORD = 'give the password with --password-stdin'

const DESCRIBE = 'try the login of a registry and store it'

export const loginCommand = {
  command: 'login',
  describe: DESCRIBE,
  builder: (parser) =>
    parser.usage(`$0 login REGISTRY [OPTION]...\n\n${DESCRIBE}`).options({
      user: {
        alias: 'u',
        type: 'string',
        group: 'Options:',
        describe: 'USER: its name, else it is asked for',
      },
      'password-stdin': {
        type: 'boolean',
        group: 'Options:',
        describe: 'read the password from standard input, else it is asked for',
      },
      unchecked: {
        type: 'boolean',
        group: 'Options:',
        describe: 'store it without trying it',
      },
      ...settingOptions,
    }),
  handler: login,
} as const satisfies CommandModule

async function login(argv: Arguments): Promise<void> {
  const { flags, words, problems } = readTypedFlags(argv, 'login', OWN, 1)
  const [word] = words
  const missing = word === undefined ? ['name the registry: regmirror login ghcr.io'] : []
  const [{ loadConfig }, { storeLogin, storedLoginsPath }] = await Promise.all([
    import('../config/load.ts'),
    import('../credentials/stored-logins.ts'),
  ])
  const { config, effective, folders } = loadConfig(flags, [...problems, ...missing])
  const registry = namedRegistry(word ?? '', config)
  refuseSecondStore(config.data, folders)
  requireDataFolder(config.data, effective.data[0]?.origin ?? 'default')

  const typed = await typedLogin(argv, registry)
  const tried = argv['unchecked'] ? 'was not tried' : await tryLogin(config, registry, typed)
  await storeLogin(config.data, registry, typed)
  say(`${registry}: the login ${tried}, and is stored in ${storedLoginsPath(config.data)}`)
  const obstacle = await whatComesFirst(config, registry)
  if (obstacle === undefined) return
  say(
    `${registry}: it is not used, since ${obstacle}: to use it, take the credentials of ` +
      `${registry} out of the configuration`,
  )
}

/** Undefined: the stored login is the one that is used. */
async function whatComesFirst(config: Config, registry: string): Promise<string | undefined> {
  const [{ createCredentials }, { storedLoginsPath }] = await Promise.all([
    import('../credentials/registry-credentials.ts'),
    import('../credentials/stored-logins.ts'),
  ])
  const credentials = createCredentials(config, Date.now).get(registry)
  if (!credentials) return 'the configuration says that there is to be none'
  try {
    const { origin } = (await credentials.login()) ?? {}
    const isStored = origin === undefined || origin === storedLoginsPath(config.data)
    return isStored ? undefined : `the login from ${origin} comes before it`
  } catch (error) {
    if (!(error instanceof LoginError)) throw error
    return `the configured one comes before it, although ${error.message}`
  }
}

async function typedLogin(argv: Arguments, registry: string): Promise<Login> {
  const { loginOf } = await import('../credentials/read-login.ts')
  const user: unknown = argv['user']
  if (Array.isArray(user)) throw new ConfigError(['--user is given twice'])
  const username =
    typeof user === 'string' ? user : await ask(`User name for ${registry}: `, false, NO_USER)
  const password = argv['password-stdin']
    ? await readInput()
    : await ask(`Password of ${username} for ${registry}: `, true, NO_PASSWORD)
  return loginOf(username, password, 'what was typed')
}

/** Throws where it should not be stored. */
async function tryLogin(config: Config, registry: string, typed: Login): Promise<string> {
  const [{ openUpstreams }, { fixedLogin }, { silentLog }] = await Promise.all([
    import('../open-mirror.ts'),
    import('../credentials/registry-credentials.ts'),
    import('../lib/log.ts'),
  ])
  const credentials = new Map([
    [registry, fixedLogin({ login: typed, origin: 'the command line' })],
  ])
  const upstreams = openUpstreams(config, credentials, silentLog)
  try {
    const { outcome, message } = await upstreams.registry(registry).checkLogin()
    switch (outcome) {
      case 'works':
        return 'works'
      case 'not-asked-for':
        return 'could not be tried, since nobody is asked for one at /v2/'
      case 'refused':
        throw new Error(`${message}; it is not stored`)
      case 'unreachable':
        throw new Error(`${message}; the login is not stored: --unchecked stores it without a try`)
    }
  } finally {
    await upstreams.close()
  }
}

function say(sentence: string): void {
  process.stderr.write(`${programName}: ${sentence}\n`)
}
