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
const SPACE = 'Space:'
const WARMING = 'Filling the cache ahead:'
const REGISTRIES = 'Registries:'
const WAY_OUT = 'The way to registries (NAME is as in --registry):'
const LOGINS = 'Logins and what they open:'
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
  tls: {
    kind: 'text',
    group: SERVING,
    value: 'off|self',
    describe: 'HTTPS on the same ports; self: by a certificate that regmirror makes itself',
    default: 'off',
  },
  'tls-name': {
    kind: 'list',
    group: SERVING,
    value: 'HOST',
    describe:
      'a further name or address of this box for --tls self, which knows only its own; repeatable',
  },
  'tls-cert': {
    kind: 'text',
    group: SERVING,
    value: 'FILE',
    describe: 'HTTPS by this certificate, PEM with its chain; read again when it changes',
  },
  'tls-key': {
    kind: 'text',
    group: SERVING,
    value: 'FILE',
    describe: 'the key that belongs to --tls-cert',
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
  catalog: {
    kind: 'switch',
    group: SERVING,
    value: '',
    describe: 'answer _catalog with what is cached; --no-catalog to keep it to oneself',
    default: 'true',
  },
  sendfile: {
    kind: 'switch',
    group: SERVING,
    value: '',
    describe:
      'on Linux the kernel copies files to clients itself, but for HTTPS; --no-sendfile for the usual way',
    default: 'true',
  },
  allow: {
    kind: 'text',
    group: SERVING,
    value: 'FILE',
    describe:
      'serve and fetch only what this list names: nginx, ghcr.io/org/*, quay.io/**; read again when it changes',
  },
  block: {
    kind: 'text',
    group: SERVING,
    value: 'FILE',
    describe: 'never serve or fetch what this list names, whatever --allow says',
  },
  'max-size': {
    kind: 'text',
    group: SPACE,
    value: 'SIZE|none',
    describe:
      'all that the store may take: 200GiB, 1.5TB; what was not used for longest goes first',
    default: 'none',
  },
  'min-free': {
    kind: 'text',
    group: SPACE,
    value: 'SIZE',
    describe:
      'what is left free on the disk [default: 5GiB, or a tenth of the disk where that is less]',
  },
  'keep-untagged': {
    kind: 'text',
    group: SPACE,
    value: 'DURATION|forever',
    describe: 'how long an image is kept that its tag has moved away from and that nobody pulls',
    default: '30d',
  },
  scrub: {
    kind: 'text',
    group: SPACE,
    value: 'DURATION|off',
    describe: 'read and check everything that is stored once in this time, slowly',
    default: '30d',
  },
  warm: {
    kind: 'text',
    group: WARMING,
    value: 'FILE',
    describe: 'warm this list by itself, as regmirror warm does; it is read again when it changes',
  },
  'warm-at': {
    kind: 'text',
    group: WARMING,
    value: 'HH:MM|CRON',
    describe:
      'when: daily at this time, or by the five fields of cron ' +
      '[default: when the list’s @window opens, else 01:30]',
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
  'registry-listen': {
    kind: 'list',
    group: REGISTRIES,
    value: 'NAME=ADDRESS',
    describe:
      'a listener that stands for one registry, for clients that cannot name it; repeatable',
  },
  alias: {
    kind: 'list',
    group: REGISTRIES,
    value: 'HOST=REGISTRY',
    describe:
      'a name of this machine that stands for a registry: docker.box.lan=docker.io; repeatable',
  },
  'base-domain': {
    kind: 'text',
    group: REGISTRIES,
    value: 'DOMAIN',
    describe:
      'with box.lan, docker.box.lan stands for docker.io, ghcr.box.lan for ghcr.io, and so on',
  },
  'literal-names': {
    kind: 'list',
    group: REGISTRIES,
    value: 'NAME',
    describe:
      'a registry that nests others (Harbor’s proxy projects): ghcr.io/x/y below it is its own; repeatable',
  },
  'tag-ttl': {
    kind: 'list',
    group: REGISTRIES,
    value: '[GLOB=]DURATION',
    describe:
      'how long a tag is served before upstream is asked again; with GLOB= for matching tags ' +
      'only; repeatable [default: 1m, and 24h for exact versions such as 1.27.3]',
  },
  proxy: {
    kind: 'list',
    group: WAY_OUT,
    value: '[NAME=]URL|none',
    describe:
      'http://, https:// or socks5:// proxy, with its login if need be; repeatable ' +
      '[default: http_proxy, https_proxy, all_proxy and no_proxy]',
  },
  ca: {
    kind: 'list',
    group: WAY_OUT,
    value: '[NAME=]FILE',
    describe: 'PEM of authorities to trust beside the usual ones; repeatable',
  },
  'client-cert': {
    kind: 'list',
    group: WAY_OUT,
    value: 'NAME=FILE[,KEYFILE]',
    describe: 'PEM of the certificate to show, and of its key; repeatable',
  },
  insecure: {
    kind: 'list',
    group: WAY_OUT,
    value: 'NAME',
    describe: 'take any certificate of this registry (plain HTTP: an http:// URL); repeatable',
  },
  ip: {
    kind: 'list',
    group: WAY_OUT,
    value: '[NAME=]4|6|auto',
    describe: 'use IPv4 or IPv6 addresses only; repeatable [default: auto]',
  },
  segments: {
    kind: 'list',
    group: WAY_OUT,
    value: '[NAME=]N',
    describe:
      'fetch a large blob over up to N connections at once, where each is slow; repeatable [default: 1]',
  },
  credentials: {
    kind: 'list',
    group: LOGINS,
    value: 'NAME=SOURCE',
    describe:
      'file:PATH (its first line is USER:PASSWORD), env:VARIABLE, docker-config:PATH or none; in ' +
      'regmirror.yaml and REGMIRROR_CREDENTIALS also USER:PASSWORD; repeatable. The variable ' +
      'separates logins where a space or comma is followed by "NAME=" with a dot or colon in NAME',
  },
  'docker-config': {
    kind: 'text',
    group: LOGINS,
    value: 'FILE',
    describe: 'a config.json of Docker’s, for every registry without --credentials',
  },
  'trusted-host': {
    kind: 'list',
    group: LOGINS,
    value: 'NAME=HOST[,HOST...]',
    describe: 'hosts that the registry may redirect to, and that may get its login; repeatable',
  },
  private: {
    kind: 'list',
    group: LOGINS,
    value: 'NAME=deny|everyone|GLOB[,GLOB...]',
    describe:
      'who may read what only the login can: nobody, everyone, or everyone these repositories ' +
      '(myorg/*); repeatable [default: deny]',
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
