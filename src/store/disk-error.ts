// The system's error codes, turned into the store's own words at the edge.

import { StoreError } from '../errors.ts'

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

export function asStoreError(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const message = error instanceof Error ? error.message : String(error)
  return new StoreError(FULL.has(code) ? 'full' : 'io', `${what}: ${message}`, { cause: error })
}
