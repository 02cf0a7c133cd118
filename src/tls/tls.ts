// The box's TLS: the certificate it shows now, and each that follows while it serves.

import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { KeyPair } from '../lib/key-pair.ts'
import type { Logger } from '../lib/log.ts'
import { CertificateFiles } from './certificate-files.ts'
import { namesOf } from './check-pair.ts'
import { knownNames } from './known-names.ts'
import { certificateNames } from './names.ts'
import type { OwnAuthority } from './own-authority.ts'
import type { PairSource } from './pair-source.ts'

export type TlsOptions =
  | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string }
  | { readonly kind: 'self'; readonly names: readonly string[] }

export interface TlsSetting {
  readonly dataFolder: string
  /** Names that clients use and that the system does not know. */
  readonly hosts: readonly string[]
  readonly lanAddresses: () => readonly string[]
  readonly log: Logger
  readonly now: () => number
}

export interface TlsFacts {
  /** By which the certificate in use may be believed. */
  readonly names: readonly string[]
  /** SHA-256, as openssl writes it; undefined where the authority is not regmirror's own. */
  readonly authorityFingerprint: string | undefined
}

/** Throws ConfigError with what is wrong with the files. */
export async function openTls(options: TlsOptions, setting: TlsSetting): Promise<BoxTls> {
  const { log, now } = setting
  if (options.kind === 'files') {
    const source = new CertificateFiles({ ...options, log, now })
    return new BoxTls(source, await source.first(), log)
  }
  const hosts = [...setting.hosts, ...options.names]
  const authority = await ownAuthority({ ...setting, hosts })
  return new BoxTls(authority, await authority.first(), log, authority.certificate)
}

async function ownAuthority(setting: TlsSetting): Promise<OwnAuthority> {
  const { dataFolder, hosts, lanAddresses, log, now } = setting
  const hostName = hostname()
  const knownAs = await knownNames(lanAddresses())
  const names = () => certificateNames({ hostName, knownAs, addresses: lanAddresses(), hosts })
  // With all that makes certificates: few need it.
  const { OwnAuthority } = await import('./own-authority.ts')
  return await OwnAuthority.open({ folder: join(dataFolder, 'tls'), hostName, names, log, now })
}

export class BoxTls {
  /** PEM of the authority that made the certificate; undefined where somebody else's did. */
  readonly authority: string | undefined
  readonly #source: PairSource
  readonly #log: Logger
  #pair: KeyPair
  #onPair: ((pair: KeyPair) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(source: PairSource, pair: KeyPair, log: Logger, authority?: string) {
    this.#source = source
    this.#pair = pair
    this.#log = log
    this.authority = authority
  }

  get pair(): KeyPair {
    return this.#pair
  }

  get facts(): TlsFacts {
    const { authority } = this
    return {
      names: namesOf(this.#pair.certificate),
      authorityFingerprint: authority && new X509Certificate(authority).fingerprint256,
    }
  }

  /** From here on `onPair` gets every new pair. */
  watch(onPair: (pair: KeyPair) => void): void {
    this.#onPair = onPair
    this.#timer = setInterval(() => void this.look(), this.#source.everyMs).unref()
  }

  /** Whether there is a new pair, now. Never rejects: what is wrong is logged. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  close(): void {
    clearInterval(this.#timer)
    this.#onPair = undefined
  }

  async #look(): Promise<void> {
    try {
      const pair = await this.#source.next()
      if (pair === undefined) return
      this.#onPair?.(pair)
      this.#pair = pair
      const names = namesOf(pair.certificate).join(', ')
      this.#log.info(`new connections get the changed certificate (${names})`)
    } catch (error) {
      this.#log.warn(`the certificate in use stays: ${(error as Error).message}`)
    }
  }
}
