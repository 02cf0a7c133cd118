// A small file of secrets, read anew whenever it has changed.

import { readFileSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { LoginError } from '../errors.ts'

/** Far more than all registries of the world need. */
const FILE_MAX_BYTES = 4 * 1024 * 1024

type Outcome<T> = { readonly value: T | undefined } | { readonly error: LoginError }

export class WatchedFile<T> {
  readonly path: string
  readonly #parse: (text: string, stat: BigIntStats) => T
  #version: string | undefined
  #outcome: Outcome<T> = { value: undefined }

  /** `parse` may throw LoginError. */
  constructor(path: string, parse: (text: string, stat: BigIntStats) => T) {
    this.path = path
    this.#parse = parse
  }

  /** Undefined where there is no such file. Throws LoginError, the same one until the file changes. */
  read(): T | undefined {
    const stat = this.#stat()
    const version = stat && [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
    if (version === undefined || version !== this.#version) this.#outcome = this.#readAnew(stat)
    this.#version = version
    if ('error' in this.#outcome) throw this.#outcome.error
    return this.#outcome.value
  }

  /** The next `read` looks into the file, even if it seems not to have changed. */
  forget(): void {
    this.#version = undefined
  }

  #stat(): BigIntStats | undefined {
    try {
      return statSync(this.path, { bigint: true, throwIfNoEntry: false })
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  #readAnew(stat: BigIntStats | undefined): Outcome<T> {
    if (!stat) return { value: undefined }
    try {
      if (!stat.isFile()) throw new LoginError(`${this.path} is not a file that can be read`)
      if (stat.size > FILE_MAX_BYTES) {
        throw new LoginError(`${this.path} is larger than ${FILE_MAX_BYTES} bytes`)
      }
      return { value: this.#parse(readFileSync(this.path, 'utf8'), stat) }
    } catch (error) {
      return { error: error instanceof LoginError ? error : this.#unreadable(error) }
    }
  }

  #unreadable(error: unknown): LoginError {
    const { code = String(error) } = error as NodeJS.ErrnoException
    const user = process.getuid === undefined ? '' : ` by user ${process.getuid()}`
    return new LoginError(`${this.path} cannot be read${user} (${code})`)
  }
}
