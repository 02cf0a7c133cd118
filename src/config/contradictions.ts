// What is right alone and cannot hold together.

import type { ListenAddress } from './config.ts'
import { saysPassword } from './credentials-source.ts'
import type { Effective } from './given.ts'
import { parseListenAddress } from './listen-address.ts'
import { splitOption } from './registry-options.ts'
import { parseSwitch } from './switch.ts'

export function contradictions(effective: Effective): string[] {
  return [
    ...sharedAddresses(effective),
    ...tlsProblems(effective),
    ...unusedTlsNames(effective),
    ...unusedAuthorities(effective),
    ...typedPasswords(effective),
    ...unusedTimes(effective),
  ]
}

function sharedAddresses(effective: Effective): string[] {
  const taken: { readonly address: ListenAddress; readonly origin: string }[] = []
  const perRegistry = effective['registry-listen'].map(({ text, origin }) => ({
    text: splitOption('registry-listen', text).value,
    origin,
  }))
  return [...effective.listen, ...perRegistry].flatMap(({ text, origin }) => {
    const address = parseListenAddress(text)
    if ('problem' in address) return []
    const other = taken.find((one) => overlap(one.address, address.value))
    taken.push({ address: address.value, origin })
    if (other === undefined) return []
    return [
      `${origin}: port ${address.value.port} is taken by ${other.origin}: choose another port`,
    ]
  })
}

/** An address that stands for all leaves its port to no other. */
function overlap(one: ListenAddress, other: ListenAddress): boolean {
  const isAll = ({ host }: ListenAddress): boolean => host === '0.0.0.0' || host === '::'
  const sharesHost = one.host === other.host || isAll(one) || isAll(other)
  return one.port === other.port && one.port !== 0 && sharesHost
}

/** Whether the two belong together is seen where they are used. */
function tlsProblems({ tls: [word], 'tls-cert': [cert], 'tls-key': [key] }: Effective): string[] {
  const file = cert ?? key
  if (file === undefined) return []
  const problems: string[] = []
  if (word !== undefined && word.source !== 'default') {
    problems.push(`${word.origin}: contradicts ${file.origin}: leave one of the two out`)
  }
  if (key === undefined) problems.push(`${file.origin}: its key is missing: name it with tls-key`)
  if (cert === undefined) {
    problems.push(`${file.origin}: its certificate is missing: name it with tls-cert`)
  }
  return problems
}

function unusedTlsNames({ tls: [word], 'tls-name': [name] }: Effective): string[] {
  if (name === undefined || word?.text === 'self') return []
  return [`${name.origin}: is for the certificate that regmirror makes itself: add --tls self`]
}

/** Of one source only: a flag may well set aside for a try what the file says. */
function unusedAuthorities({ insecure, ca }: Effective): string[] {
  return insecure.flatMap(({ text, source, origin }) => {
    const { registry, value } = splitOption('insecure', text)
    const isOn = parseSwitch(value)
    if (!('value' in isOn && isOn.value)) return []
    const unused = ca.find(
      (given) => given.source === source && splitOption('ca', given.text).registry === registry,
    )
    if (registry === undefined || unused === undefined) return []
    return [
      `${origin}: nothing looks at the certificate of ${registry} then, yet ${unused.origin} ` +
        `gives an authority for it: leave one of the two out`,
    ]
  })
}

function unusedTimes({ warm: [list], 'warm-at': [at] }: Effective): string[] {
  if (at === undefined || list !== undefined) return []
  return [`${at.origin}: is when to warm a list, and there is none: name it with --warm`]
}

/** Everyone on the machine can read the command line of a running program. */
function typedPasswords({ credentials }: Effective): string[] {
  return credentials.flatMap(({ text, source, origin }) => {
    const { registry, value } = splitOption('credentials', text)
    if (source !== 'flag' || registry === undefined || !saysPassword(value)) return []
    return [
      `${origin}: a password does not belong on the command line, where everyone on the machine ` +
        `can read it: use regmirror login REGISTRY, or file:PATH, or env:VARIABLE`,
    ]
  })
}
