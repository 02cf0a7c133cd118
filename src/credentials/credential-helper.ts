// Docker's credential helpers: a program that is asked for one host and answers with JSON.

import { execFile } from 'node:child_process'
import type { ExecFileException } from 'node:child_process'
import { LoginError } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import type { Login } from '../upstream/login.ts'
import type { Helper } from './docker-config.ts'
import { parseObject } from './json.ts'
import { loginOf } from './read-login.ts'

/** Cloud helpers ask their cloud; no request waits for it that long (see loginLookupMs). */
const HELPER_TIMEOUT_MS = 15_000
const OUTPUT_MAX_BYTES = 256 * 1024
/** ECR's live for twelve hours, Google's for one; the helper keeps them too. */
const LOGIN_KEPT_MS = 15 * 60_000
/** A helper that has nothing, or fails, is not started for every request. */
const FAILURE_KEPT_MS = 30_000
const QUOTE_LENGTH_MAX = 200

type Outcome = { readonly login: Login | undefined } | { readonly error: LoginError }

interface Kept {
  readonly outcome: Outcome
  readonly untilMs: number
}

export class CredentialHelpers {
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()
  readonly #asking = new SingleFlight<Kept>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Undefined where the helper knows no login. Throws LoginError. */
  async login(helper: Helper, path: string, refused: Login | undefined) {
    const key = JSON.stringify([helper.suffix, helper.serverUrl])
    const kept = this.#kept.get(key)
    const isSpent = kept && 'login' in kept.outcome && kept.outcome.login === refused
    const { outcome } =
      kept && this.#now() < kept.untilMs && !(refused && isSpent)
        ? kept
        : await this.#asking.run(key, () => this.#ask(key, helper, path))
    if ('error' in outcome) throw outcome.error
    return outcome.login
  }

  async #ask(key: string, helper: Helper, path: string): Promise<Kept> {
    const outcome = await ask(helper, path)
    const hasLogin = 'login' in outcome && outcome.login !== undefined
    const kept = { outcome, untilMs: this.#now() + (hasLogin ? LOGIN_KEPT_MS : FAILURE_KEPT_MS) }
    this.#kept.set(key, kept)
    return kept
  }
}

export function helperProgram({ suffix }: Helper): string {
  return `docker-credential-${suffix}`
}

async function ask(helper: Helper, path: string): Promise<Outcome> {
  try {
    // No path: the program has to be one of those in PATH.
    if (!/^[\w.-]+$/.test(helper.suffix)) {
      const name = JSON.stringify(helper.suffix)
      throw new LoginError(`${path} names the credential helper ${name}, which is no plain name`)
    }
    const where = `${helperProgram(helper)} (named by ${path})`
    const output = await run(helper, where)
    return { login: output === undefined ? undefined : parseOutput(output, where) }
  } catch (error) {
    if (error instanceof LoginError) return { error }
    throw error
  }
}

/** Undefined where it says that it has none: the message comes on stdout. */
function run(helper: Helper, where: string): Promise<string | undefined> {
  const options = {
    timeout: HELPER_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_MAX_BYTES,
    windowsHide: true,
  } as const
  return new Promise((resolve, reject) => {
    const child = execFile(helperProgram(helper), ['get'], options, (error, stdout) => {
      if (!error) return resolve(stdout)
      if (/credentials not found/i.test(stdout)) return resolve(undefined)
      reject(new LoginError(`${where} ${whatFailed(error, stdout)}`))
    })
    // One that does not read is judged by how it ends.
    child.stdin?.on('error', () => {})
    child.stdin?.end(`${helper.serverUrl}\n`)
  })
}

function whatFailed(error: ExecFileException, stdout: string): string {
  if (error.code === 'ENOENT') return 'is not in the PATH of this program'
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'printed too much'
  if (error.killed) return `did not answer within ${HELPER_TIMEOUT_MS / 1000} s`
  const [line = ''] = stdout.trim().split('\n')
  // What looks like an answer may have the secret in it.
  const said = /[{}]/.test(line) ? '' : line.replace(/\p{C}+/gu, ' ').slice(0, QUOTE_LENGTH_MAX)
  return said === '' ? `ended with ${error.code}` : `failed: ${said}`
}

function parseOutput(output: string, where: string): Login {
  const { Username: username, Secret: secret } = parseObject(output) ?? {}
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new LoginError(`${where} answered with something other than JSON with a login`)
  }
  return loginOf(username, secret, where)
}
