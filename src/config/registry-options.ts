// `NAME=VALUE`: what is said of one registry; some options may leave NAME out and hold for all.

import type { ListenAddress, PrivatePolicy } from './config.ts'
import type { GivenCredentials } from './credentials-source.ts'
import type { Effective, Given } from './given.ts'
import type { Parsed } from './parsed.ts'
import type { CertificateAndKey, CertificateFile } from './pem.ts'
import { optionRegistry } from './registry-entry.ts'
import { settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { quote } from './wording.ts'

export interface OptionValues {
  readonly 'registry-listen': ListenAddress
  readonly 'literal-names': boolean
  readonly proxy: URL | 'none'
  readonly ca: CertificateFile
  readonly 'client-cert': CertificateAndKey
  readonly insecure: boolean
  readonly ip: 4 | 6 | 'auto'
  readonly segments: number
  readonly credentials: GivenCredentials
  readonly 'trusted-host': readonly string[]
  readonly private: PrivatePolicy
}

export type OptionName = keyof OptionValues & SettingName

interface Traits {
  readonly example: string
  /** NAME may be left out. */
  readonly holdsForAll?: true
  /** `NAME` alone means `NAME=true`. */
  readonly isSwitch?: true
  /** One source may say it several times of a registry. */
  readonly addsUp?: true
  /** What is wrong is not repeated. */
  readonly isSecret?: true
}

const traits: Readonly<Record<OptionName, Traits>> = {
  'registry-listen': { example: 'ghcr.io=:5001' },
  'literal-names': { example: 'harbor.corp', isSwitch: true },
  proxy: { example: 'ghcr.io=http://10.0.0.1:3128', holdsForAll: true, isSecret: true },
  ca: { example: '10.0.0.5:5000=/etc/ssl/lab.pem', holdsForAll: true, addsUp: true },
  'client-cert': { example: '10.0.0.5:5000=/etc/ssl/box.pem,/etc/ssl/box.key' },
  insecure: { example: '10.0.0.5:5000', isSwitch: true },
  ip: { example: 'ghcr.io=4', holdsForAll: true },
  segments: { example: 'ghcr.io=4', holdsForAll: true },
  credentials: { example: 'ghcr.io=file:/etc/regmirror/ghcr', isSecret: true },
  'trusted-host': { example: 'harbor.corp=auth.corp', addsUp: true },
  private: { example: 'ghcr.io=myorg/*' },
}

export const optionNames = Object.keys(traits) as readonly OptionName[]

export function traitsOf(option: OptionName): Traits {
  return traits[option]
}

export interface OptionEntry<T> {
  /** Canonical. Undefined: every registry that has no entry of its own. */
  readonly registry: string | undefined
  readonly value: T
}

export type OptionEntries = {
  readonly [Name in OptionName]: readonly OptionEntry<OptionValues[Name]>[]
}

/** A slash before the `=` belongs to a path or a URL. */
const NAMED = /^([^=/\s]+)=([^]*)$/

export function parseOption<Name extends OptionName>(
  option: Name,
  text: string,
  parse: (value: string, registry: string) => Parsed<OptionValues[Name]>,
): Parsed<OptionEntry<OptionValues[Name]>> {
  const { example, holdsForAll, isSecret } = traitsOf(option)
  const { registry, value } = splitOption(option, text)
  if (registry === undefined && !holdsForAll) {
    const form = `is not of the form ${settingOf(option).value}, such as ${example}`
    return { problem: isSecret ? form : `${quote(text)} ${form}` }
  }
  const parsed = parse(value, registry ?? '')
  return 'problem' in parsed ? parsed : { value: { registry, value: parsed.value } }
}

/** The registry is undefined where none is named; whether there is such a one is another check. */
export function splitOption(
  option: OptionName,
  text: string,
): { readonly registry: string | undefined; readonly value: string } {
  const [, name, value = ''] = NAMED.exec(text) ?? []
  if (name !== undefined) return { registry: optionRegistry(name), value: value.trim() }
  const isName = traitsOf(option).isSwitch && text.trim() !== ''
  return isName
    ? { registry: optionRegistry(text), value: 'true' }
    : { registry: undefined, value: text.trim() }
}

/** What counts of an option for one registry. */
export interface Said<T> {
  /** One, or several where it adds up. */
  readonly values: readonly [T, ...T[]]
  readonly origin: string
}

/** From the strongest source that names the registry; undefined: said of all that are not named. */
export function saidOf<Name extends OptionName>(
  entries: OptionEntries,
  effective: Effective,
  option: Name,
  registry: string | undefined,
): Said<OptionValues[Name]> | undefined {
  const all = entries[option].map((entry, index) => ({ ...entry, from: effective[option][index] }))
  const [first, ...others] = all.filter((entry) => entry.registry === registry)
  if (first === undefined) return undefined
  const more = others.filter(({ from }) => traitsOf(option).addsUp && sameSource(from, first.from))
  return {
    values: [first.value, ...more.map(({ value }) => value)],
    origin: first.from?.origin ?? 'default',
  }
}

function sameSource(one: Given | undefined, other: Given | undefined): boolean {
  return one?.source === other?.source
}
