// A name or an address that a certificate can hold.

import { isIP } from 'node:net'
import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

export function parseTlsName(text: string): Parsed<string> {
  const name = text.toLowerCase()
  if (isIP(name) !== 0 || NAME.test(name)) return { value: name }
  const hint = /[:/]/.test(name) ? 'write the host alone' : 'write a host'
  return {
    problem: `${quote(text)} is not a name for a certificate: ${hint}, such as box.lan, *.box.lan or 10.0.0.2`,
  }
}
