// What the rest of the program is told: numbers and addresses, nothing left to parse.

import type { Secret } from '../lib/secret.ts'

export interface Config {
  readonly listen: ListenAddress
  /** Listeners that each stand for one registry, beside the one above. */
  readonly registryListeners: readonly RegistryListener[]
  /** HTTPS, on the same ports as plain HTTP; undefined: none. */
  readonly tls: TlsConfig | undefined
  /** Absolute path of the folder that holds the store. */
  readonly data: string
  /** Where commands look by themselves; any other has to be named with each. */
  readonly isDataUsual: boolean
  /** Every registry that may be dialled, by its canonical name (`docker.io`, `10.0.0.5:5000`, `lab`). */
  readonly registries: ReadonlyMap<string, RegistryConfig>
  /** A key of `registries`. */
  readonly defaultRegistry: string
  /** Other names of a registry → its canonical name: `registry-1.docker.io` → `docker.io`; `hosts` are among them. */
  readonly aliases: ReadonlyMap<string, string>
  /** First components that are no hosts → a key of `registries`: `lab` in `box:5000/lab/app`. */
  readonly pathAliases: ReadonlyMap<string, string>
  /** Hosts by which clients reach this mirror and which stand for a registry: `docker.box.lan` → `docker.io`. */
  readonly hosts: ReadonlyMap<string, string>
  /** A list of all that may be had, absolute; undefined: everything. */
  readonly allow: string | undefined
  /** A list of what may not be had all the same. */
  readonly block: string | undefined
  /** Whether `_catalog` tells what is cached. */
  readonly catalog: boolean
  /** Bodies go out by sendfile, where there is one and the connection is plain HTTP. */
  readonly sendfile: boolean
  /** The proxies of the environment, for registries that name none of their own. */
  readonly environmentProxy: EnvironmentProxy
  /** A Docker config.json to take logins from, for registries that have none of their own. */
  readonly dockerConfig: string | undefined
  readonly tagTtl: TagTtl
  /** Answer from the last known tag when upstream takes longer than this. */
  readonly staleAfterMs: number
  readonly offline: boolean
  readonly abandoned: Abandoned
  readonly upstream: UpstreamLimits
  readonly space: SpaceConfig
  /** What is warmed by itself; undefined: nothing. */
  readonly warm: ScheduledList | undefined
  /** A reader that takes no byte for so long is cut. */
  readonly clientIdleTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly log: LogConfig
  /** Where this user's running programs keep what does not outlive them; undefined: not said. */
  readonly runtimeFolder: string | undefined
  /** The terminal knows nothing but lines, or is the log of a build. */
  readonly isTerminalDumb: boolean
  readonly isLocaleUtf8: boolean
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface RegistryListener extends ListenAddress {
  /** A key of `registries`. */
  readonly registry: string
}

/**
 * - `files`: PEM, read again when they change
 * - `self`: made by regmirror's own authority, kept in the data folder; `names` beside those it finds itself
 */
export type TlsConfig =
  | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string }
  | { readonly kind: 'self'; readonly names: readonly string[] }

export interface RegistryConfig {
  /** At least one, in the order to ask them; http or https, perhaps with a path to put before `/v2/`. */
  readonly endpoints: readonly URL[]
  /** Names below it may begin with another registry's name, as in Harbor's proxy projects: `ns` then wins. */
  readonly literalNames: boolean
  /** http, https, socks5; 'none': straight out; undefined: as the environment says. */
  readonly proxy: URL | 'none' | undefined
  /** PEM of authorities to trust beside the usual ones. */
  readonly ca: string | undefined
  readonly clientCertificate: ClientCertificate | undefined
  /** TLS without looking at the certificate. */
  readonly unverifiedTls: boolean
  readonly ipFamily: 4 | 6 | undefined
  /** Over how many connections one large download may come. */
  readonly segments: number
  readonly credentials: CredentialSource | undefined
  /** Further hosts (`auth.corp`, `10.0.0.7:8443`, `*.cdn.corp`) that may be redirected to and that may get the login for a token. */
  readonly trustedHosts: readonly string[]
  readonly private: PrivatePolicy
}

/** PEM texts. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: Secret
}

/**
 * - `login`: as given
 * - `file`: its first line is USER:PASSWORD, read when it is needed
 * - `docker-config`: a Docker config.json or containers' auth.json, with its credential helpers
 * - `none`: anonymous, whatever else is configured
 */
export type CredentialSource =
  | { readonly kind: 'login'; readonly username: string; readonly password: Secret }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'docker-config'; readonly path: string }
  | { readonly kind: 'none' }

/** Who may read what only a login can read: nobody, everyone, or everyone those repositories (globs). */
export type PrivatePolicy = 'deny' | 'everyone' | readonly string[]

/** http_proxy and its kin. */
export interface EnvironmentProxy {
  readonly http: URL | undefined
  readonly https: URL | undefined
  /** As in the variable: hosts, .domains, CIDR blocks, host:port, `*`. */
  readonly noProxy: string
}

/** What becomes of a download that every reader has left. */
export type Abandoned = 'finish' | 'park' | 'auto'

/** How long a tag's answer counts as fresh; the first pattern that matches decides. */
export interface TagTtl {
  readonly movingMs: number
  /** For tags that name an exact version: `1.27.3`, `v2.0.0-alpine`. */
  readonly exactMs: number
  readonly patterns: readonly TagTtlPattern[]
}

export interface TagTtlPattern {
  /** A glob: with a `/` over `registry/repository:tag`, without one over the tag alone. */
  readonly pattern: string
  readonly ttlMs: number
}

/** Images of a registry at once, where a run does not say. */
export const WARM_JOBS = 4

export interface ScheduledList {
  /** Absolute. */
  readonly file: string
  /** Five fields of cron, in the time zone of this machine; undefined: as the list says. */
  readonly at: string | undefined
}

/** What the store may take, and how long things stay. */
export interface SpaceConfig {
  /** All of it: blobs, staging, quarantine, index. Undefined: no limit of its own. */
  readonly maxBytes: number | undefined
  /** To be left free on the disk; undefined: 5 GiB, or a tenth of the disk where that is less. */
  readonly minFreeBytes: number | undefined
  /** An image its tag has moved away from, counted from its last use; undefined: for ever. */
  readonly keepUntaggedMs: number | undefined
  /** In which everything is hashed again once; undefined: never. */
  readonly scrubMs: number | undefined
}

export interface UpstreamLimits {
  readonly connectTimeoutMs: number
  readonly headerTimeoutMs: number
  readonly idleTimeoutMs: number
}

export interface LogConfig {
  readonly format: 'text' | 'json'
  readonly level: 'info' | 'debug'
  /** False where NO_COLOR asks for none. */
  readonly color: boolean
}

/** What a registry is when nothing but its endpoints is said. */
export const plainRegistry: Omit<RegistryConfig, 'endpoints'> = {
  literalNames: false,
  proxy: undefined,
  ca: undefined,
  clientCertificate: undefined,
  unverifiedTls: false,
  ipFamily: undefined,
  segments: 1,
  credentials: undefined,
  trustedHosts: [],
  private: 'deny',
}
