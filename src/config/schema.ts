// What each setting must look like, as one zod schema: texts in, values out, every problem at once.

// The small form: the whole one's methods and languages cost 2 MB of memory and 40 ms of each start.
import * as z from 'zod/mini'
import { parseDueTimes } from '../lib/cron.ts'
import { parseDuration } from '../lib/units.ts'
import { parseCredentials } from './credentials-source.ts'
import { parseDataFolder } from './data-folder.ts'
import { parseBaseDomain, parseHostAlias } from './host-alias.ts'
import { parseListenAddress } from './listen-address.ts'
import type { Parsed } from './parsed.ts'
import { parseFile, parsePath } from './paths.ts'
import type { Home } from './paths.ts'
import { parseCertificateAndKey, parseCertificateFile } from './pem.ts'
import { parsePrivatePolicy } from './private-policy.ts'
import { parseProxy } from './proxy.ts'
import { parseRegistryEntry } from './registry-entry.ts'
import { parseOption } from './registry-options.ts'
import type { OptionName, OptionValues } from './registry-options.ts'
import { parseSegments } from './segments.ts'
import type { SettingName } from './settings.ts'
import { parseMaxSize, parseMinFree, parseScrub, parseSpan } from './space.ts'
import { parseSwitch } from './switch.ts'
import { parseTagTtl } from './tag-ttl.ts'
import { parseTlsName } from './tls-name.ts'
import { parseTrustedHosts } from './trusted-hosts.ts'
import { quote, suggestion } from './wording.ts'

/** Node's timers end here, at 24.8 days. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1

export type Values = z.output<ReturnType<typeof settingsSchema>>

export function settingsSchema(home: Home) {
  return z.object({
    listen: parsedBy(parseListenAddress),
    tls: oneOf(['off', 'self']),
    'tls-name': z.array(parsedBy(parseTlsName)),
    'tls-cert': z.optional(parsedBy((text) => parseFile(text, home))),
    'tls-key': z.optional(parsedBy((text) => parseFile(text, home))),
    data: parsedBy((text) => parseDataFolder(text, home)),
    offline: parsedBy(parseSwitch),
    abandoned: oneOf(['finish', 'park', 'auto']),
    catalog: parsedBy(parseSwitch),
    sendfile: parsedBy(parseSwitch),
    // Whoever reads them says what is wrong with them.
    allow: z.optional(parsedBy((text) => parsePath(text, home))),
    block: z.optional(parsedBy((text) => parsePath(text, home))),
    'max-size': parsedBy(parseMaxSize),
    'min-free': z.optional(parsedBy(parseMinFree)),
    'keep-untagged': parsedBy((text) => parseSpan(text, 'forever')),
    scrub: parsedBy(parseScrub),
    // Whoever reads it says what is wrong with it.
    warm: z.optional(parsedBy((text) => parsePath(text, home))),
    'warm-at': z.optional(parsedBy(parseDueTimes)),
    registry: z.array(parsedBy(parseRegistryEntry)),
    'default-registry': z.string(),
    'registry-listen': options('registry-listen', parseListenAddress),
    alias: z.array(parsedBy(parseHostAlias)),
    'base-domain': z.optional(parsedBy(parseBaseDomain)),
    'literal-names': options('literal-names', parseSwitch),
    'tag-ttl': z.array(parsedBy(parseTagTtl)),
    proxy: options('proxy', parseProxy),
    ca: options('ca', (text) => parseCertificateFile(text, home)),
    'client-cert': options('client-cert', (text) => parseCertificateAndKey(text, home)),
    insecure: options('insecure', parseSwitch),
    ip: options('ip', parseIpFamily),
    segments: options('segments', parseSegments),
    credentials: options('credentials', (text) => parseCredentials(text, home)),
    'docker-config': z.optional(parsedBy((text) => parseFile(text, home))),
    'trusted-host': options('trusted-host', parseTrustedHosts),
    private: options('private', parsePrivatePolicy),
    'stale-after': timeout,
    'upstream-connect-timeout': timeout,
    'upstream-header-timeout': timeout,
    'upstream-idle-timeout': timeout,
    'client-idle-timeout': timeout,
    'drain-timeout': timeout,
    log: oneOf(['text', 'json']),
    'log-level': oneOf(['info', 'debug']),
  } satisfies Record<SettingName, z.ZodMiniType>)
}

function parsedBy<T>(parse: (text: string) => Parsed<T>) {
  const value = z.transform((text: string, context): T => {
    const parsed = parse(text)
    if ('value' in parsed) return parsed.value
    context.issues.push({ code: 'custom', message: parsed.problem, input: text })
    return z.NEVER
  })
  return z.pipe(z.string(), value)
}

function options<Name extends OptionName>(
  option: Name,
  parse: (text: string, registry: string) => Parsed<OptionValues[Name]>,
) {
  return z.array(parsedBy((text) => parseOption(option, text, parse)))
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

function parseIpFamily(text: string): Parsed<4 | 6 | 'auto'> {
  if (text === 'auto') return { value: text }
  if (text === '4' || text === '6') return { value: text === '4' ? 4 : 6 }
  return { problem: `${quote(text)} is none of 4, 6, auto` }
}
