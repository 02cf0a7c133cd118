// What the rest of the program is told: numbers and addresses, nothing left to parse. Types only.

export interface Config {
  readonly listen: ListenAddress
  /** Absolute path of the folder that holds the store. */
  readonly data: string
  /** Every registry that may be dialled, by its canonical name (`docker.io`, `10.0.0.5:5000`, `lab`). */
  readonly registries: ReadonlyMap<string, RegistryConfig>
  /** A key of `registries`. */
  readonly defaultRegistry: string
  /** Other names of a registry → its canonical name: `registry-1.docker.io` → `docker.io`. */
  readonly aliases: ReadonlyMap<string, string>
  /** First components that are no hosts → a key of `registries`: `lab` in `box:5000/lab/app`. */
  readonly pathAliases: ReadonlyMap<string, string>
  readonly tagTtl: TagTtl
  /** Answer from the last known tag when upstream takes longer than this. */
  readonly staleAfterMs: number
  readonly offline: boolean
  readonly abandoned: Abandoned
  readonly upstream: UpstreamLimits
  /** A reader that takes no byte for so long is cut. */
  readonly clientIdleTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly log: LogConfig
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface RegistryConfig {
  /** At least one, in the order to ask them; http or https, perhaps with a path to put before `/v2/`. */
  readonly endpoints: readonly URL[]
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
