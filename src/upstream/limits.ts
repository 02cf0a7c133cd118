// Every bound on what is asked of an upstream, with its unit in its name.

export interface UpstreamLimits {
  // undici keeps connect, header and idle times to within a second, never early.
  /** DNS, TCP and TLS together; with a proxy, for each leg: to it, through it, and TLS behind it. */
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
  /** A whole list, every page of it. Nobody waits for it that long: see mirror/lists.ts. */
  readonly tagListBudgetMs: number
  readonly referrersBudgetMs: number
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
  /** Where another endpoint follows, one failure to talk at all is enough. */
  readonly setAsideAfterFailures: number
  readonly setAsideMs: number
  /** Where another endpoint follows: the first time is doubled with each failure after it, up to this. */
  readonly setAsideMaxMs: number
  /** An endpoint that gave wrong bytes for a digest, or broke off, is asked last for it. */
  readonly distrustMs: number

  /** Helpers that ask a cloud need a moment; who waits for what is public should not notice. */
  readonly loginLookupMs: number
  /** A login that was refused is not tried again for so long: accounts are locked after some tries. */
  readonly loginRefusedMs: number
  /** A login that was accepted is believed for so long when a repository is refused to it. */
  readonly loginProvenMs: number
  /** The challenge of `/v2/`, and that a repository refused to the login is open to everybody. */
  readonly challengeKeptMs: number
  readonly loginCheckBudgetMs: number

  readonly redirectHopsMax: number
  readonly manifestMaxBytes: number
  /** As many as one request is asked for; public.ecr.aws refuses more. */
  readonly tagsPerPage: number
  readonly tagPagesMax: number
  readonly tagsMax: number
  /** A registry without pages sends all its tags at once. */
  readonly tagPageMaxBytes: number
  readonly referrersPagesMax: number
  /** All pages together; containerd takes no larger index. */
  readonly referrersMaxBytes: number
  /** How long a registry is believed to have no referrers API. */
  readonly referrersMissingMs: number
  readonly errorBodyMaxBytes: number
  readonly tokenBodyMaxBytes: number
  /** Each: tokens, challenges, and repositories without referrers API, per endpoint. */
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
  tagListBudgetMs: 120_000,
  referrersBudgetMs: 8_000,
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
  setAsideMaxMs: 300_000,
  distrustMs: 600_000,

  loginLookupMs: 5_000,
  loginRefusedMs: 600_000,
  loginProvenMs: 60_000,
  challengeKeptMs: 300_000,
  loginCheckBudgetMs: 30_000,

  redirectHopsMax: 10,
  manifestMaxBytes: 8 * MIB,
  tagsPerPage: 1000,
  tagPagesMax: 500,
  tagsMax: 200_000,
  tagPageMaxBytes: 16 * MIB,
  referrersPagesMax: 100,
  referrersMaxBytes: 4 * MIB,
  referrersMissingMs: 3_600_000,
  errorBodyMaxBytes: 64 * KIB,
  tokenBodyMaxBytes: 256 * KIB,
  rememberedMax: 10_000,
}
