// `regmirror warm`: fills the cache from a list, ahead of those who pull.

import type { CommandModule } from 'yargs'
import { OTHERS_ACCEPTED, storeOptions } from './flags.ts'
import { EXIT_CODES_HELP } from './warm-exit.ts'
import { warmOptions } from './warm-options.ts'

const DESCRIBE = 'fill the cache from a list of images'

export const warmCommand = {
  command: 'warm',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 warm LIST | - | REF... [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 warm mirror.txt', 'a file, one image on each line; - is the standard input'],
        [
          '$0 warm nginx:1.25,1.26-alpine ghcr.io/org/app',
          'images; no tag: latest, and what clients used',
        ],
        [`$0 warm 'redis:7.*' 'kindest/node:^v1\\.3[01]\\.'`, 'every tag that matches'],
        ['$0 warm mirror.txt --until 06:00', 'by night'],
        ['$0 warm --last', 'what came of the last runs'],
      ])
      .options({ ...warmOptions, ...storeOptions('registry', 'default-registry') })
      .epilogue(`${EXIT_CODES_HELP}\n\n${OTHERS_ACCEPTED}`),
  handler: async (argv) => {
    const { warm } = await import('./warm-handler.ts')
    await warm(argv)
  },
} as const satisfies CommandModule
