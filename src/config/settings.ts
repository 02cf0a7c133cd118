// Every setting by its one name: the flag is --NAME, the YAML key NAME, the variable REGMIRROR_NAME.
// Values are texts here, defaults too; schema.ts says what they mean.

export interface Setting {
  /** `list` may be given several times, `switch` is true or false. */
  readonly kind: 'text' | 'list' | 'switch'
  readonly group: string
  /** The word that stands for the value in the help. */
  readonly value: string
  readonly describe: string
  /** Without one the value is worked out (`data`) or is an empty list. */
  readonly default?: string
}

const SERVING = 'Serving:'
const REGISTRIES = 'Registries:'
const LIMITS = 'Time limits:'
const LOGGING = 'Log:'

export const settings = {
  listen: {
    kind: 'text',
    group: SERVING,
    value: 'ADDRESS',
    describe: 'address and port to listen on: 5000, :5000, 10.0.0.2:5000, [::1]:5000',
    default: '0.0.0.0:5000',
  },
  data: {
    kind: 'text',
    group: SERVING,
    value: 'DIR',
    describe: 'folder that holds the cache [default: /var/lib/regmirror or the user’s data folder]',
  },
  offline: {
    kind: 'switch',
    group: SERVING,
    value: '',
    describe: 'dial no registry at all; what is not cached is answered "not found"',
    default: 'false',
  },
  abandoned: {
    kind: 'text',
    group: SERVING,
    value: 'finish|park|auto',
    describe: 'what becomes of a download that everyone has left',
    default: 'auto',
  },
  registry: {
    kind: 'list',
    group: REGISTRIES,
    value: 'NAME=URL[,URL...]',
    describe: 'add a registry or replace its endpoints, asked in order; repeatable',
  },
  'default-registry': {
    kind: 'text',
    group: REGISTRIES,
    value: 'NAME',
    describe: 'the registry meant when a client names none',
    default: 'docker.io',
  },
  'tag-ttl': {
    kind: 'list',
    group: REGISTRIES,
    value: '[GLOB=]DURATION',
    describe:
      'how long a tag is served before upstream is asked again; with GLOB= for matching tags ' +
      'only; repeatable [default: 1m, and 24h for exact versions such as 1.27.3]',
  },
  'stale-after': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'answer with the last known tag when upstream takes longer',
    default: '5s',
  },
  'upstream-connect-timeout': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'for a connection to a registry',
    default: '5s',
  },
  'upstream-header-timeout': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'for the first byte of a registry’s answer',
    default: '15s',
  },
  'upstream-idle-timeout': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'for a download that sends nothing',
    default: '30s',
  },
  'client-idle-timeout': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'for a client that takes nothing',
    default: '5m',
  },
  'drain-timeout': {
    kind: 'text',
    group: LIMITS,
    value: 'DURATION',
    describe: 'for running responses to end after SIGTERM or Ctrl-C',
    default: '10m',
  },
  log: {
    kind: 'text',
    group: LOGGING,
    value: 'text|json',
    describe: 'lines for people or for programs',
    default: 'text',
  },
  'log-level': {
    kind: 'text',
    group: LOGGING,
    value: 'info|debug',
    describe: 'how much to log',
    default: 'info',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

export const settingNames = Object.keys(settings) as readonly SettingName[]

export function isSettingName(text: string): text is SettingName {
  return Object.hasOwn(settings, text)
}

export function settingOf(name: SettingName): Setting {
  return settings[name]
}
