// Errors → sentences that say what to do, and the exit code. Pure.

import { formatListenAddress } from '../config/listen-address.ts'
import { ConfigError, StoreError } from '../errors.ts'

export interface Failure {
  readonly sentences: readonly string[]
  readonly exitCode: 1 | 2
}

interface SystemError extends Error {
  readonly code: string
  readonly syscall?: string
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
  /** Whose own listener it was to be. */
  readonly registry?: string
}

const LISTEN_CALLS = ['listen', 'bind', 'getaddrinfo']
/** Whatever the operator has to set right before it can start. */
const SETTABLE_STORE_TROUBLE: readonly StoreError['kind'][] = ['locked', 'newer', 'full', 'io']

export function explainFailure(error: unknown): Failure {
  if (error instanceof ConfigError) return { sentences: error.problems, exitCode: 2 }
  if (error instanceof StoreError) {
    const exitCode = SETTABLE_STORE_TROUBLE.includes(error.kind) ? 2 : 1
    return { sentences: [error.message], exitCode }
  }
  if (isListenError(error)) return { sentences: [explainListenError(error)], exitCode: 2 }
  const message = error instanceof Error ? error.message || error.name : String(error)
  return { sentences: [message], exitCode: 1 }
}

function isListenError(error: unknown): error is SystemError {
  return error instanceof Error && LISTEN_CALLS.includes(String((error as SystemError).syscall))
}

function explainListenError(error: SystemError): string {
  const { code, address = '', hostname = address, port = 0, registry } = error
  const where = formatListenAddress({ host: hostname, port })
  const option = registry === undefined ? '--listen ' : `--registry-listen ${registry}=`
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use on ${address}: stop the other program or choose another port with ${option}:${port + 1}`
    case 'EACCES':
      return `this user may not listen on port ${port}: choose one above 1023 with ${option}:5000`
    case 'EADDRNOTAVAIL':
      return `${hostname} is not an address of this machine: choose one of its own, or all with ${option}:${port}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${hostname} to listen on is not known (${code}): give an IP address, or all with ${option}:5000`
    default:
      return `cannot listen on ${where} (${code}): choose another address with ${option.trimEnd()}`
  }
}
