// `regmirror config`: the effective values and where each comes from.

import type { Arguments, CommandModule } from 'yargs'
import { readTypedFlags, settingOptions } from './flags.ts'
import { print, say } from './output.ts'

export const configCommand = {
  command: 'config',
  describe: 'print the settings in effect, and where each comes from',
  builder: {
    ...settingOptions,
    json: { type: 'boolean', group: 'Options:', describe: 'as JSON instead of YAML' },
  },
  handler: printConfig,
} as const satisfies CommandModule

async function printConfig(argv: Arguments): Promise<void> {
  const { flags, problems } = readTypedFlags(argv, 'config', ['json'])
  const [{ loadConfig }, { effectiveAsJson, effectiveAsYaml }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/effective.ts'),
  ])
  const loaded = loadConfig(flags, problems)
  for (const warning of loaded.warnings) say(warning)
  const text = argv['json']
    ? `${JSON.stringify(effectiveAsJson(loaded), undefined, 2)}\n`
    : effectiveAsYaml(loaded)
  await print(text)
}
