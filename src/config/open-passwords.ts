// Passwords in a file that others on the machine may read.

import { statSync } from 'node:fs'
import type { Effective } from './given.ts'
import type { Values } from './schema.ts'
import { quote } from './wording.ts'

const READ_BY_OTHERS = 0o044

/** A sentence, or none: it works all the same. */
export function openPasswords(
  file: string | undefined,
  values: Values,
  effective: Effective,
): readonly string[] {
  if (file === undefined || !isOpen(file)) return []
  const logins = values.credentials.map(
    ({ value }) => value.source.kind === 'login' && value.variable === undefined,
  )
  const proxies = values.proxy.map(({ value }) => value !== 'none' && value.password !== '')
  const given = [
    ...effective.credentials.filter((_, index) => logins[index]),
    ...effective.proxy.filter((_, index) => proxies[index]),
  ]
  const found = given.find(({ source }) => source === 'file')
  if (found === undefined) return []
  return [
    `${found.origin}: holds a password, and others on this machine may read ${quote(file)}: ` +
      `take that right from them (chmod 600)`,
  ]
}

function isOpen(file: string): boolean {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & READ_BY_OTHERS) !== 0
}
