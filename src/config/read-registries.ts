// `registries: {NAME: {KEY: VALUE}}` of regmirror.yaml → the settings that say the same.

import { isMap, isSeq } from 'yaml'
import type { Pair, YAMLMap } from 'yaml'
import type { SettingName } from './settings.ts'
import type { YamlFile } from './yaml-file.ts'

interface RegistryKey {
  readonly setting: SettingName
  /** What a list becomes: one entry of several values, or an entry each. */
  readonly list: 'joined' | 'each' | 'refused'
}

const KEYS: ReadonlyMap<string, RegistryKey> = new Map([
  ['endpoint', { setting: 'registry', list: 'joined' }],
  ['endpoints', { setting: 'registry', list: 'joined' }],
  ['tag-ttl', { setting: 'tag-ttl', list: 'refused' }],
  ['listen', { setting: 'registry-listen', list: 'refused' }],
  ['literal-names', { setting: 'literal-names', list: 'refused' }],
  ['proxy', { setting: 'proxy', list: 'refused' }],
  ['ca', { setting: 'ca', list: 'each' }],
  ['client-cert', { setting: 'client-cert', list: 'joined' }],
  ['insecure', { setting: 'insecure', list: 'refused' }],
  ['ip', { setting: 'ip', list: 'refused' }],
  ['segments', { setting: 'segments', list: 'refused' }],
  ['credentials', { setting: 'credentials', list: 'refused' }],
  ['trusted-host', { setting: 'trusted-host', list: 'joined' }],
  ['trusted-hosts', { setting: 'trusted-host', list: 'joined' }],
  ['private', { setting: 'private', list: 'joined' }],
])
const EXAMPLE = '{endpoint: https://ghcr.io}'
const LOGIN_KEYS = ['username', 'password']
const CREDENTIALS_KEYS = [...LOGIN_KEYS, 'file', 'env', 'docker-config']
const CREDENTIALS_FORMS =
  '{username: USER, password: PASSWORD}, {file: PATH}, {env: VARIABLE} or {docker-config: PATH}'

export function readRegistries(yaml: YamlFile, value: unknown, where: string): void {
  const node = yaml.resolve(value)
  if (isMap(node)) for (const pair of node.items) readRegistry(yaml, pair)
  else yaml.problem(where, `is not a map of registries, such as ghcr.io: ${EXAMPLE}`)
}

function readRegistry(yaml: YamlFile, pair: Pair): void {
  const name = yaml.textOf(pair.key) ?? ''
  const path = `registries.${name}`
  const where = yaml.where(path, pair.key)
  const node = yaml.resolve(pair.value)
  if (!isMap(node)) {
    yaml.problem(where, `is not a map such as ${EXAMPLE}`)
    return
  }
  const endpoints: string[] = []
  for (const { key, value } of node.items) {
    const word = yaml.textOf(key) ?? ''
    const at = yaml.where(`${path}.${word}`, key)
    const known = KEYS.get(word)
    if (known === undefined) yaml.unknownKey(at, word, [...KEYS.keys()])
    else if (known.setting === 'registry') endpoints.push(...endpointsOf(yaml, value, at))
    else readOption(yaml, name, known, value, at)
  }
  if (endpoints.length > 0) yaml.add('registry', `${name}=${endpoints.join(',')}`, where)
  else if (node.items.length === 0) yaml.problem(where, `names no endpoint: write ${EXAMPLE}`)
}

function endpointsOf(yaml: YamlFile, value: unknown, where: string): readonly string[] {
  const texts = yaml.textsOf(value) ?? []
  if (texts.length > 0) return texts
  yaml.problem(where, 'is not a URL or a list of URLs, such as https://ghcr.io')
  return []
}

function readOption(
  yaml: YamlFile,
  registry: string,
  { setting, list }: RegistryKey,
  value: unknown,
  where: string,
): void {
  const node = yaml.resolve(value)
  if (setting === 'tag-ttl') return readTagTtl(yaml, registry, node, where)
  if (setting === 'credentials' && isMap(node)) return readLogin(yaml, registry, node, where)
  const texts = isSeq(node) && list === 'refused' ? undefined : yaml.textsOf(node)
  if (texts === undefined) return yaml.unreadable(node, where)
  const entries = list === 'joined' && texts.length > 0 ? [texts.join(',')] : texts
  for (const text of entries) yaml.add(setting, `${registry}=${text}`, where)
}

/** The same as a pattern for the whole registry. */
function readTagTtl(yaml: YamlFile, registry: string, value: unknown, where: string): void {
  const text = yaml.textOf(value)
  if (text) yaml.add('tag-ttl', `${registry.replace(/^alias:/, '')}/**=${text}`, where)
  else yaml.problem(where, 'is not a duration with its unit, such as 30s, 1m or 24h')
}

function readLogin(yaml: YamlFile, registry: string, node: YAMLMap, where: string): void {
  const found = new Map<string, string>()
  for (const { key, value } of node.items) {
    const word = yaml.textOf(key) ?? ''
    const at = yaml.where(`registries.${registry}.credentials.${word}`, key)
    const text = yaml.textOf(value)
    if (!CREDENTIALS_KEYS.includes(word)) yaml.unknownKey(at, word, CREDENTIALS_KEYS)
    else if (!text) yaml.unreadable(value, at)
    else found.set(word, text)
  }
  if (found.size < node.items.length) return
  const text = loginText(found)
  if (text === undefined) yaml.problem(where, `is not of the form ${CREDENTIALS_FORMS}`)
  else if (found.get('username')?.includes(':')) {
    yaml.problem(where, 'has a username with a colon in it, which no registry can take')
  } else yaml.add('credentials', `${registry}=${text}`, where)
}

/** As in one text: `{username: u, password: p}` is login:u:p, `{file: PATH}` is file:PATH. */
function loginText(found: ReadonlyMap<string, string>): string | undefined {
  const [username, password] = LOGIN_KEYS.map((key) => found.get(key))
  const [[kind, text] = []] = found
  if (found.size === 2 && username !== undefined && password !== undefined) {
    return `login:${username}:${password}`
  }
  const isPlace = found.size === 1 && kind !== undefined && !LOGIN_KEYS.includes(kind)
  return isPlace ? `${kind}:${text}` : undefined
}
