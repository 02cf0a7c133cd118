// regmirror.yaml → what it gives, with the line of each value.

import { isMap, isScalar, isSeq } from 'yaml'
import type { Pair } from 'yaml'
import type { Reading } from './given.ts'
import { readRegistries } from './read-registries.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { YamlFile } from './yaml-file.ts'

const TOP_KEYS = [...settingNames, 'registries', 'aliases']

/** `file` is what people call it. */
export function readFile(file: string, text: string): Reading {
  const yaml = new YamlFile(file, text)
  const top = yaml.top()
  if (isMap(top)) for (const pair of top.items) readTop(yaml, pair)
  else if (top !== undefined && top !== null && !(isScalar(top) && top.value === null)) {
    yaml.problem('', 'holds no settings: write lines such as listen: 0.0.0.0:5000')
  }
  return yaml.reading
}

function readTop(yaml: YamlFile, pair: Pair): void {
  const key = yaml.textOf(pair.key) ?? ''
  const where = yaml.where(key, pair.key)
  if (isSettingName(key)) readSetting(yaml, key, pair.value, where)
  else if (key === 'registries') readRegistries(yaml, pair.value, where)
  else if (key === 'aliases') readAliases(yaml, pair.value, where)
  else yaml.unknownKey(where, key, TOP_KEYS)
}

function readSetting(yaml: YamlFile, name: SettingName, value: unknown, where: string): void {
  const node = yaml.resolve(value)
  if (settingOf(name).kind === 'list' && isSeq(node)) {
    for (const item of node.items) yaml.addText(name, '', item, yaml.where(name, item))
  } else yaml.addText(name, '', node, where)
}

function readAliases(yaml: YamlFile, value: unknown, where: string): void {
  const node = yaml.resolve(value)
  if (!isMap(node)) {
    yaml.problem(where, 'is not a map of hosts to registries, such as docker.box.lan: docker.io')
    return
  }
  for (const { key, value: registry } of node.items) {
    const host = yaml.textOf(key) ?? ''
    yaml.addText('alias', `${host}=`, registry, yaml.where(`aliases.${host}`, key))
  }
}
