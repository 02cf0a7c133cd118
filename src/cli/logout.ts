// `regmirror logout`: forgets what `regmirror login` stored.

import type { Arguments, CommandModule } from 'yargs'
import { programName } from '../version.ts'
import { readTypedFlags, settingOptions } from './flags.ts'
import { namedRegistry } from './named-registry.ts'

const DESCRIBE = 'forget the stored login of a registry'

export const logoutCommand = {
  command: 'logout',
  describe: DESCRIBE,
  builder: (parser) =>
    parser.usage(`$0 logout REGISTRY [OPTION]...\n\n${DESCRIBE}`).options(settingOptions),
  handler: logout,
} as const satisfies CommandModule

async function logout(argv: Arguments): Promise<void> {
  const { flags, words, problems } = readTypedFlags(argv, 'logout', [], 1)
  const [word] = words
  const missing = word === undefined ? ['name the registry: regmirror logout ghcr.io'] : []
  const [{ loadConfig }, { removeLogin, storedLoginsPath }] = await Promise.all([
    import('../config/load.ts'),
    import('../credentials/stored-logins.ts'),
  ])
  const { config } = loadConfig(flags, [...problems, ...missing])
  const registry = namedRegistry(word ?? '', config)
  const wasThere = await removeLogin(config.data, registry)
  const place = storedLoginsPath(config.data)
  const sentence = wasThere
    ? `${registry}: its login is removed from ${place}`
    : `${registry}: no login is stored in ${place}`
  process.stderr.write(`${programName}: ${sentence}\n`)
}
