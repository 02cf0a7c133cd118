// What each setting must look like, as one zod schema: texts in, values out, every problem at once.

import { z } from 'zod'
import { parseDuration } from '../lib/units.ts'
import { parseDataFolder } from './data-folder.ts'
import type { Home } from './data-folder.ts'
import { parseListenAddress } from './listen-address.ts'
import type { Parsed } from './parsed.ts'
import { parseRegistryEntry } from './registry-entry.ts'
import type { SettingName } from './settings.ts'
import { parseTagTtl } from './tag-ttl.ts'
import { quote, suggestion } from './wording.ts'

/** Node's timers end here, at 24.8 days. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1

export type Values = z.output<ReturnType<typeof settingsSchema>>

export function settingsSchema(home: Home) {
  return z.object({
    listen: parsedBy(parseListenAddress),
    data: parsedBy((text) => parseDataFolder(text, home)),
    offline: parsedBy(parseSwitch),
    abandoned: oneOf(['finish', 'park', 'auto']),
    registry: z.array(parsedBy(parseRegistryEntry)),
    'default-registry': z.string(),
    'tag-ttl': z.array(parsedBy(parseTagTtl)),
    'stale-after': timeout,
    'upstream-connect-timeout': timeout,
    'upstream-header-timeout': timeout,
    'upstream-idle-timeout': timeout,
    'client-idle-timeout': timeout,
    'drain-timeout': timeout,
    log: oneOf(['text', 'json']),
    'log-level': oneOf(['info', 'debug']),
  } satisfies Record<SettingName, z.ZodType>)
}

function parsedBy<T>(parse: (text: string) => Parsed<T>) {
  return z.string().transform((text, context): T => {
    const parsed = parse(text)
    if ('value' in parsed) return parsed.value
    context.addIssue({ code: 'custom', message: parsed.problem })
    return z.NEVER
  })
}

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, {
    error: ({ input }) =>
      `${quote(String(input))} is none of ${words.join(', ')}${suggestion(String(input), words)}`,
  })
}

const timeout = parsedBy(parseTimeout)

function parseTimeout(text: string): Parsed<number> {
  const timeoutMs = parseDuration(text)
  if (timeoutMs === undefined) {
    return { problem: `${quote(text)} is not a duration with its unit, such as 5s, 1m or 24h` }
  }
  if (timeoutMs < 1) return { problem: `${quote(text)} is no time at all: give at least 1ms` }
  if (timeoutMs > TIMEOUT_MAX_MS) return { problem: `${quote(text)} is too long: give at most 24d` }
  return { value: timeoutMs }
}

function parseSwitch(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return { value: true }
  if (['false', 'no', 'off', '0'].includes(word)) return { value: false }
  return { problem: `${quote(text)} is neither true nor false` }
}
