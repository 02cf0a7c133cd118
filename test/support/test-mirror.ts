// A whole mirror in this process on a port of its own, with short limits and a data folder that is
// checked and removed at the end: no test leaves a store behind that lies.
import './clock.ts'
import { inspect } from 'node:util'
import { startMirror } from '../../src/compose.ts'
import type { RunningMirror } from '../../src/compose.ts'
import { plainRegistry } from '../../src/config/config.ts'
import type { Config, RegistryConfig } from '../../src/config/config.ts'
import type { LogFields, Logger } from '../../src/lib/log.ts'
import type { Clock } from '../../src/lib/wall-clock.ts'
import { within } from '../../src/lib/within.ts'
import type { Content } from './content.ts'
import { assertNoSecret, assertNoSecretInFolder, secretsOf } from './no-secrets.ts'
import { ON_BINARY, startPackagedMirror } from './packaged-mirror.ts'
import { rawRequest } from './raw-http.ts'
import type { RawRequest, RawResponse, Taken } from './raw-http.ts'
import type { RequestFilter } from './request-log.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { checkStore } from './store-invariants.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

const HOUR_MS = 3_600_000
// Whoever waits for longer waits for ever. Another number than that of any wait which a test shortens by it.
const LOGGED_WITHIN_MS = 30_000
// Of a body, for secrets: answers in words are shorter.
const CHECKED_BYTES = 64 * 1024
const INSPECT_ALL = { depth: null, maxArrayLength: null, maxStringLength: null }

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  readonly ending: Taken['ending'] | undefined
}

export interface LogLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: LogFields
}

// A registry by its one endpoint, or with whatever else the test says of it.
export type ConfigChanges = Partial<Omit<Config, 'registries' | 'data' | 'listen'>> & {
  readonly registries?: Readonly<Record<string, string | RegistryChanges>>
}

export type RegistryChanges = Partial<Omit<RegistryConfig, 'endpoints'>> & {
  readonly endpoints: readonly string[]
}

// Tags are asked for again at every request.
export const REVALIDATE_ALWAYS = { tagTtl: { movingMs: 0, exactMs: 0, patterns: [] } }

export class TestMirror implements AsyncDisposable {
  readonly folder: string
  readonly lines: LogLine[] = []
  readonly #temp: TempFolder
  readonly #listeners = new Set<() => void>()
  #changes: ConfigChanges
  readonly #clock: Clock | undefined
  #running: RunningMirror | undefined
  // Of every configuration it ran with.
  #secrets: string[] = []

  private constructor(temp: TempFolder, changes: ConfigChanges, clock: Clock | undefined) {
    this.#temp = temp
    this.#clock = clock
    this.folder = temp.join('data')
    this.#changes = changes
  }

  // `clock`: of its schedule and its runs of `warm`; not on the packaged program.
  static async start(changes: ConfigChanges = {}, clock?: Clock): Promise<TestMirror> {
    const mirror = new TestMirror(new TempFolder('mirror'), changes, clock)
    await mirror.#start()
    return mirror
  }

  get url(): string {
    if (!this.#running) throw new Error('the mirror is stopped')
    return `http://127.0.0.1:${this.#running.address.port}`
  }

  // Of the listener that stands for one registry.
  registryUrl(registry: string): string {
    const address = this.#running?.registryAddresses.get(registry)
    if (!address) throw new Error(`no listener stands for ${registry}`)
    return `http://127.0.0.1:${address.port}`
  }

  get runningResponses(): number {
    return this.#running?.runningResponses ?? 0
  }

  open(path: string, request: RawRequest = {}): Promise<RawResponse> {
    return rawRequest(this.url + path, request)
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.ask('GET', path, headers)
  }

  async head(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.ask('HEAD', path, headers)
  }

  async ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    await using response = await this.open(path, { method, headers })
    const body = await response.body()
    const { status, ending } = response
    const heard = [...response.headers, body.subarray(0, CHECKED_BYTES).toString('latin1')].join(
      '\n',
    )
    assertNoSecret(this.#secrets, heard, `the answer to ${method} ${path}`)
    return { status, headers: response.headers, body, ending }
  }

  // Resolves once so many lines of log match, counted from the start.
  async logged(pattern: RegExp, count = 1): Promise<void> {
    const isThere = () => this.lines.filter(({ message }) => pattern.test(message)).length >= count
    const { promise: there, resolve } = Promise.withResolvers<'there'>()
    const listen = (): void => void (isThere() && resolve('there'))
    this.#listeners.add(listen)
    listen()
    const found = await within(LOGGED_WITHIN_MS, there)
    this.#listeners.delete(listen)
    if (found === 'slow') throw new Error(this.#notLogged(pattern))
  }

  // What became of it instead is among the last lines.
  #notLogged(pattern: RegExp): string {
    const last = this.lines.slice(-5).map(({ message }) => message)
    return [`${pattern} was not logged in ${LOGGED_WITHIN_MS} ms, the last was`, ...last].join('\n')
  }

  // Readers have the last byte before the store and the index have the blob.
  async published(...digests: string[]): Promise<void> {
    for (const digest of digests) await this.logged(new RegExp(`@${digest} published`))
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.stop()
  }

  drain(): Promise<void> {
    if (!this.#running) throw new Error('the mirror is stopped')
    return this.#running.drain()
  }

  // On the same data folder.
  async restart(changes: ConfigChanges = {}): Promise<void> {
    await this.stop()
    this.#changes = { ...this.#changes, ...changes }
    await this.#start()
  }

  // `contents`: what staged bytes are compared with, by digest.
  async close(contents: ReadonlyMap<string, Content> = new Map()): Promise<void> {
    try {
      await this.stop()
      checkStore(this.folder, contents)
      assertNoSecret(this.#secrets, inspect(this.lines, INSPECT_ALL), 'the log')
      assertNoSecretInFolder(this.#secrets, this.folder)
    } finally {
      await this.#temp.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<void> {
    const start: typeof startMirror = ON_BINARY ? startPackagedMirror : startMirror
    const config = configOf(this.folder, this.#changes)
    this.#secrets = [...new Set([...this.#secrets, ...secretsOf(config)])]
    this.#running = await start(config, this.#log(), this.#clock)
  }

  #log(): Logger {
    const at =
      (level: keyof Logger) =>
      (message: string, fields: LogFields = {}): void => {
        this.lines.push({ level, message, fields })
        for (const heard of this.#listeners) heard()
      }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
}

export function configOf(data: string, changes: ConfigChanges): Config {
  const { registries = {}, ...rest } = changes
  return {
    listen: { host: '127.0.0.1', port: 0 },
    registryListeners: [],
    tls: undefined,
    hosts: new Map(),
    allow: undefined,
    block: undefined,
    catalog: true,
    sendfile: true,
    environmentProxy: { http: undefined, https: undefined, noProxy: '' },
    dockerConfig: undefined,
    data,
    isDataUsual: false,
    registries: new Map(
      Object.entries(registries).map(([name, given]) => [name, registryOf(given)]),
    ),
    defaultRegistry: 'docker.io',
    aliases: new Map([['registry-1.docker.io', 'docker.io']]),
    pathAliases: new Map([['lab', 'lab.test:5000']]),
    tagTtl: { movingMs: HOUR_MS, exactMs: HOUR_MS, patterns: [] },
    staleAfterMs: 30_000,
    offline: false,
    abandoned: 'auto',
    upstream: { connectTimeoutMs: 2000, headerTimeoutMs: 20_000, idleTimeoutMs: 20_000 },
    space: { maxBytes: undefined, minFreeBytes: 0, keepUntaggedMs: undefined, scrubMs: undefined },
    warm: undefined,
    clientIdleTimeoutMs: 30_000,
    drainTimeoutMs: 10_000,
    log: { format: 'json', level: 'debug', color: false },
    runtimeFolder: undefined,
    isTerminalDumb: false,
    isLocaleUtf8: true,
    ...rest,
  }
}

function registryOf(given: string | RegistryChanges): RegistryConfig {
  const changes = typeof given === 'string' ? { endpoints: [given] } : given
  return { ...plainRegistry, ...changes, endpoints: changes.endpoints.map((url) => new URL(url)) }
}

// An upstream and a mirror of it. Docker Hub, ghcr.io and lab.test:5000 are all the one upstream,
// which serves whatever repositories the test puts there.
export class Setting implements AsyncDisposable {
  readonly upstream: ScriptedUpstream
  readonly mirror: TestMirror

  private constructor(upstream: ScriptedUpstream, mirror: TestMirror) {
    this.upstream = upstream
    this.mirror = mirror
  }

  static async start(changes: ConfigChanges = {}, clock?: Clock): Promise<Setting> {
    const upstream = await ScriptedUpstream.start()
    const { url } = upstream
    const registries = { 'docker.io': url, 'ghcr.io': url, 'lab.test:5000': url }
    return new Setting(upstream, await TestMirror.start({ registries, ...changes }, clock))
  }

  // Resolves once upstream has been asked so many things since the last call of asked().
  async upstreamAsked(count: number): Promise<void> {
    const { log } = this.upstream
    await waitUntil(() => log.all.length >= count, { what: `${count} requests`, everyMs: 1 })
  }

  // Resolves once so many responses of the mirror are running.
  async mirrorRuns(count: number): Promise<void> {
    const { mirror } = this
    const what = `${count} running responses`
    await waitUntil(() => mirror.runningResponses >= count, { what, everyMs: 1 })
  }

  // What upstream was asked since the last call, as `GET library/app/manifests/1 bytes=5-`.
  asked(filter: RequestFilter = {}): string[] {
    const lines = this.upstream.log.find(filter).map(({ method, url, range }) => {
      const path = url.replace('/v2/', '')
      return range === undefined ? `${method} ${path}` : `${method} ${path} ${range}`
    })
    this.upstream.log.clear()
    return lines
  }

  async close(): Promise<void> {
    const contents = new Map(
      [...this.upstream.repositories.values()].flatMap(({ blobs }) => [...blobs]),
    )
    // Upstream first, so that no download of a mirror that is about to stop waits for it.
    this.upstream.release()
    try {
      await this.mirror.close(contents)
    } finally {
      await this.upstream.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

// The code of an OCI error body.
export function errorCode({ body }: Pick<Answer, 'body'>): string | undefined {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] }
  return errors[0]?.code
}
