// Every bound on what is asked of an upstream, with its unit in its name.

export interface UpstreamLimits {
  // undici keeps connect, header and idle times to within a second, never early.
  /** DNS, TCP and TLS together. */
  readonly connectTimeoutMs: number
  readonly manifestHeadersTimeoutMs: number
  readonly tokenHeadersTimeoutMs: number
  readonly blobHeadersTimeoutMs: number
  /** Silence in the middle of any body; time in which we do not read does not count. */
  readonly bodyIdleTimeoutMs: number
  /** Refusals are read for their message, but nobody waits long for an apology. */
  readonly errorBodyTimeoutMs: number

  /** A whole manifest lookup: every try, token, redirect and endpoint, and the body. */
  readonly manifestBudgetMs: number
  /** Opening a blob, up to the first byte of its body, the wait for a free download slot included. */
  readonly blobOpenBudgetMs: number
  /** One token request, which several lookups may be waiting for. */
  readonly tokenBudgetMs: number

  readonly connectionsPerOrigin: number
  readonly downloadsPerRegistry: number

  readonly tries: number
  readonly retryDelayMinMs: number
  readonly retryDelayMaxMs: number
  /** A Retry-After up to this is waited out; a longer one is reported at once. */
  readonly retryAfterWaitMaxMs: number
  /** After a 429 without Retry-After. */
  readonly pauseDefaultMs: number
  /** Retry-After is believed up to this. */
  readonly pauseMaxMs: number
  readonly setAsideAfterFailures: number
  readonly setAsideMs: number

  readonly redirectHopsMax: number
  readonly manifestMaxBytes: number
  readonly errorBodyMaxBytes: number
  readonly tokenBodyMaxBytes: number
  /** Tokens and challenges remembered, each, per registry. */
  readonly rememberedMax: number
}

const KIB = 1024
const MIB = 1024 * KIB

export const DEFAULT_LIMITS: UpstreamLimits = {
  connectTimeoutMs: 5_000,
  manifestHeadersTimeoutMs: 10_000,
  tokenHeadersTimeoutMs: 5_000,
  blobHeadersTimeoutMs: 20_000,
  bodyIdleTimeoutMs: 30_000,
  errorBodyTimeoutMs: 2_000,

  // containerd gives up on a silent mirror after 30 s, so both stay below it.
  manifestBudgetMs: 20_000,
  blobOpenBudgetMs: 28_000,
  tokenBudgetMs: 10_000,

  connectionsPerOrigin: 64,
  downloadsPerRegistry: 64,

  tries: 3,
  retryDelayMinMs: 200,
  retryDelayMaxMs: 2_000,
  retryAfterWaitMaxMs: 2_000,
  pauseDefaultMs: 5_000,
  pauseMaxMs: 300_000,
  setAsideAfterFailures: 3,
  setAsideMs: 15_000,

  redirectHopsMax: 10,
  manifestMaxBytes: 8 * MIB,
  errorBodyMaxBytes: 64 * KIB,
  tokenBodyMaxBytes: 256 * KIB,
  rememberedMax: 10_000,
}
