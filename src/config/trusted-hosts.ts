// `HOST[,HOST...]`: further hosts that a registry may send to, and that may get its login.

import type { Parsed } from './parsed.ts'
import { isHost } from './registry-entry.ts'
import { quote } from './wording.ts'

const EXAMPLES = 'such as auth.corp, 10.0.0.7:8443 or *.cdn.corp'

export function parseTrustedHosts(text: string): Parsed<readonly string[]> {
  const hosts = text
    .toLowerCase()
    .split(',')
    .map((host) => host.trim())
  // A comma in a password has cut it in two, and neither half looks like one.
  if (text.includes('@')) return { problem: `holds a login: write hosts alone, ${EXAMPLES}` }
  const wrong = hosts.find((host) => !isHost(host.replace(/^\*\./, '')))
  if (wrong === undefined) return { value: hosts }
  if (wrong === '*') {
    return { problem: `"*" would trust every host there is: name hosts, ${EXAMPLES}` }
  }
  const hint = wrong.includes('/') ? 'write the host alone' : 'write hosts'
  return { problem: `${quote(wrong)} is not a host: ${hint}, ${EXAMPLES}` }
}
