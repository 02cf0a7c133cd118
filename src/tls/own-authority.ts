// regmirror's own authority and the certificate by it, kept in a folder:
//
//   ca.crt, ca.key           made once: whoever trusts it trusts it for good
//   server.crt, server.key   made anew when its time or the box's names ask for it

import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { KeyPair } from '../lib/key-pair.ts'
import type { Logger } from '../lib/log.ts'
import { Secret } from '../lib/secret.ts'
import { namesOf, pairProblem, pairWarning } from './check-pair.ts'
import { missingNames } from './names.ts'
import type { PairSource } from './pair-source.ts'
import { issueAuthority, issueServer } from './x509.ts'

/** A lease of another address makes another name: nobody should wait long for that. */
const CHECK_MS = 60_000
const FOLDER_MODE = 0o700
const KEY_MODE = 0o600
const CERTIFICATE_MODE = 0o644

export interface OwnAuthorityOptions {
  readonly folder: string
  readonly hostName: string
  /** By which clients may reach the box, now. */
  readonly names: () => readonly string[]
  readonly log: Logger
  readonly now: () => number
}

export class OwnAuthority implements PairSource {
  readonly everyMs = CHECK_MS
  readonly #options: OwnAuthorityOptions
  readonly #authority: KeyPair
  #server: KeyPair | undefined

  private constructor(options: OwnAuthorityOptions, authority: KeyPair) {
    this.#options = options
    this.#authority = authority
  }

  /** Throws ConfigError where the folder cannot be used. */
  static async open(options: OwnAuthorityOptions): Promise<OwnAuthority> {
    const { folder, hostName, log, now } = options
    try {
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      const kept = await readPair(folder, 'ca')
      const authority = kept ?? issueAuthority(`regmirror on ${hostName}`, now())
      if (kept === undefined) await writePair(folder, 'ca', authority)
      const warning = pairWarning(authority.certificate, join(folder, 'ca.crt'), now())
      if (warning !== undefined) log.warn(warning)
      return new OwnAuthority(options, authority)
    } catch (error) {
      if (error instanceof ConfigError) throw error
      throw new ConfigError([failure(folder, error)])
    }
  }

  /** PEM: what clients are to trust. */
  get certificate(): string {
    return this.#authority.certificate
  }

  async first(): Promise<KeyPair> {
    const { folder } = this.#options
    this.#server = await readPair(folder, 'server').catch(() => undefined)
    return (await this.next()) ?? (this.#server as KeyPair)
  }

  async next(): Promise<KeyPair | undefined> {
    const { folder, names, log, now } = this.#options
    const wanted = names()
    const reason = this.#reasonToRenew(wanted, now())
    if (reason === undefined) return undefined
    try {
      const server = issueServer(this.#authority, wanted, now())
      await writePair(folder, 'server', server)
      this.#server = server
      log.info(`made a TLS certificate for ${wanted.join(', ')}: ${reason}`)
      return server
    } catch (error) {
      throw new ConfigError([failure(folder, error)])
    }
  }

  #reasonToRenew(wanted: readonly string[], now: number): string | undefined {
    if (this.#server === undefined) return 'there was none'
    const certificate = new X509Certificate(this.#server.certificate)
    if (!certificate.verify(new X509Certificate(this.#authority.certificate).publicKey)) {
      return 'the one kept was by another authority'
    }
    const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
    if (now < from || to - now < (to - from) / 3) return 'the time of the one before is running out'
    const missing = missingNames(namesOf(this.#server.certificate), wanted)
    return missing.length === 0 ? undefined : `${missing.join(', ')} came to the box's names`
  }
}

/**
 * Undefined where none was ever finished: the certificate is written last. Throws ConfigError where
 * there is a certificate without its key.
 */
async function readPair(folder: string, name: 'ca' | 'server'): Promise<KeyPair | undefined> {
  const places = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const certificate = await readIfThere(places.certificate)
  if (certificate === undefined) return undefined
  const key = (await readIfThere(places.key)) ?? ''
  const owner = name === 'ca' ? 'authority' : 'server'
  const problem = pairProblem({ certificate, key }, places, owner)
  if (problem === undefined) return { certificate, key: new Secret(key) }
  throw new ConfigError([
    `${problem}; or remove ${folder} for a new authority, which every client has to trust anew`,
  ])
}

async function writePair(folder: string, name: string, pair: KeyPair): Promise<void> {
  await replace(join(folder, `${name}.key`), pair.key.reveal(), KEY_MODE)
  await replace(join(folder, `${name}.crt`), pair.certificate, CERTIFICATE_MODE)
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  const staged = `${file}.new`
  await writeFile(staged, text, { mode, flush: true })
  await rename(staged, file)
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function failure(folder: string, error: unknown): string {
  const { code, path = folder, message } = error as NodeJS.ErrnoException
  if (code === undefined) return message
  return `${path}, of regmirror's own authority, cannot be used (${code}): see that this user may read and write it`
}
