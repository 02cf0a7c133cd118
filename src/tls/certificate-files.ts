// A certificate and its key in files that somebody else renews.

import { readFile, stat } from 'node:fs/promises'
import { ConfigError } from '../errors.ts'
import type { KeyPair } from '../lib/key-pair.ts'
import type { Logger } from '../lib/log.ts'
import { Secret } from '../lib/secret.ts'
import { pairProblem, pairWarning } from './check-pair.ts'
import type { PairTexts } from './check-pair.ts'
import type { PairSource } from './pair-source.ts'

/** Events of the file system miss what Kubernetes and certbot do: they swap symbolic links. */
const POLL_MS = 5000

export interface CertificateFilesOptions {
  readonly certificateFile: string
  readonly keyFile: string
  readonly log: Logger
  readonly now: () => number
}

export class CertificateFiles implements PairSource {
  readonly everyMs = POLL_MS
  readonly #options: CertificateFilesOptions
  /** Of the files when they were last read, whether they could be used or not. */
  #seen = ''

  constructor(options: CertificateFilesOptions) {
    this.#options = options
  }

  async first(): Promise<KeyPair> {
    this.#seen = await this.#state()
    return this.#judged(await this.#read())
  }

  async next(): Promise<KeyPair | undefined> {
    const state = await this.#state()
    if (state === this.#seen) return undefined
    this.#seen = state
    const texts = await this.#read()
    // Somebody is writing them now: the next look sees that they changed once more.
    if ((await this.#state()) !== state) return undefined
    return this.#judged(texts)
  }

  async #read(): Promise<PairTexts> {
    const { certificateFile, keyFile } = this.#options
    const [certificate, key] = await Promise.all([textOf(certificateFile), textOf(keyFile)])
    return { certificate, key }
  }

  #judged({ certificate, key }: PairTexts): KeyPair {
    const { certificateFile, keyFile, log, now } = this.#options
    const places = { certificate: certificateFile, key: keyFile }
    const problem = pairProblem({ certificate, key }, places)
    if (problem !== undefined) throw new ConfigError([problem])
    const warning = pairWarning(certificate, certificateFile, now())
    if (warning !== undefined) log.warn(warning)
    return { certificate, key: new Secret(key) }
  }

  async #state(): Promise<string> {
    const { certificateFile, keyFile } = this.#options
    const states = await Promise.all([certificateFile, keyFile].map(stateOf))
    return states.join(' ')
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new ConfigError([
      `${file} cannot be read (${code}): see that it is there and that this user may read it`,
    ])
  }
}

/** Follows links: the file behind one has another inode after a swap. */
async function stateOf(file: string): Promise<string> {
  try {
    const { dev, ino, mtimeMs, size } = await stat(file)
    return [dev, ino, mtimeMs, size].join(':')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
