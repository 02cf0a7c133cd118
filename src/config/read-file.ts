// regmirror.yaml → what it gives, with the line of each value.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, Pair } from 'yaml'
import { Reading } from './given.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { quote, suggestion } from './wording.ts'

const REGISTRIES = 'registries'
const TOP_KEYS = [...settingNames, REGISTRIES]
const REGISTRY_KEYS = ['endpoint', 'endpoints', 'tag-ttl']
const REGISTRY_EXAMPLE = '{endpoint: https://ghcr.io}'

/** `file` is what people call it. */
export function readFile(file: string, text: string): Reading {
  return new FileReader(file, text).read()
}

class FileReader {
  readonly #reading = new Reading()
  readonly #file: string
  readonly #lines = new LineCounter()
  readonly #document: Document

  constructor(file: string, text: string) {
    this.#file = file
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
  }

  read(): Reading {
    for (const { message, pos } of this.#document.errors) {
      const [sentence = message] = message.split('\n')
      this.#problem(`line ${this.#lines.linePos(pos[0]).line}`, `is not YAML: ${sentence}`)
    }
    if (this.#document.errors.length > 0) return this.#reading
    const top = this.#resolve(this.#document.contents)
    if (top === null || (isScalar(top) && top.value === null)) return this.#reading
    if (!isMap(top))
      this.#problem('', 'holds no settings: write lines such as listen: 0.0.0.0:5000')
    else for (const pair of top.items) this.#readTop(pair)
    return this.#reading
  }

  #readTop(pair: Pair): void {
    const key = this.#textOf(pair.key) ?? ''
    const where = this.#where(key, pair.key)
    if (isSettingName(key)) this.#readSetting(key, pair.value, where)
    else if (key === REGISTRIES) this.#readRegistries(pair.value, where)
    else this.#unknownKey(where, key, TOP_KEYS)
  }

  #readSetting(name: SettingName, value: unknown, where: string): void {
    const node = this.#resolve(value)
    if (settingOf(name).kind === 'list' && isSeq(node)) {
      for (const item of node.items) this.#addText(name, item, this.#where(name, item))
    } else this.#addText(name, node, where)
  }

  #addText(name: SettingName, value: unknown, where: string): void {
    const text = this.#textOf(value)
    if (text === undefined) this.#problem(where, 'holds several values where one is expected')
    else if (text === '') this.#problem(where, 'is empty: give it a value or leave the key out')
    else this.#add(name, text, where)
  }

  #readRegistries(value: unknown, where: string): void {
    const node = this.#resolve(value)
    if (!isMap(node)) {
      this.#problem(where, `is not a map of registries, such as ghcr.io: ${REGISTRY_EXAMPLE}`)
      return
    }
    for (const pair of node.items) this.#readRegistry(pair)
  }

  #readRegistry(pair: Pair): void {
    const name = this.#textOf(pair.key) ?? ''
    const path = `${REGISTRIES}.${name}`
    const where = this.#where(path, pair.key)
    const node = this.#resolve(pair.value)
    if (!isMap(node)) {
      this.#problem(where, `is not a map such as ${REGISTRY_EXAMPLE}`)
      return
    }
    const endpoints: string[] = []
    let isComplete = false
    for (const { key, value } of node.items) {
      const word = this.#textOf(key) ?? ''
      const at = this.#where(`${path}.${word}`, key)
      isComplete ||= REGISTRY_KEYS.includes(word)
      if (word === 'tag-ttl') this.#readRegistryTtl(name, value, at)
      else if (REGISTRY_KEYS.includes(word)) endpoints.push(...this.#textsOf(value, at))
      else this.#unknownKey(at, word, REGISTRY_KEYS)
    }
    if (endpoints.length > 0) this.#add('registry', `${name}=${endpoints.join(',')}`, where)
    else if (!isComplete) this.#problem(where, `names no endpoint: write ${REGISTRY_EXAMPLE}`)
  }

  /** The same as a pattern for the whole registry. */
  #readRegistryTtl(registry: string, value: unknown, where: string): void {
    const text = this.#textOf(value)
    if (!text) this.#problem(where, 'is not a duration with its unit, such as 30s, 1m or 24h')
    else this.#add('tag-ttl', `${registry.replace(/^alias:/, '')}/**=${text}`, where)
  }

  #textsOf(value: unknown, where: string): string[] {
    const node = this.#resolve(value)
    const texts = (isSeq(node) ? node.items : [node]).map((item) => this.#textOf(item))
    if (texts.length > 0 && texts.every((text) => text)) return texts as string[]
    this.#problem(where, 'is not a URL or a list of URLs, such as https://ghcr.io')
    return []
  }

  /** As written: 010 stays 010 and yes stays yes. Undefined for what is not one value. */
  #textOf(value: unknown): string | undefined {
    const node = this.#resolve(value)
    if (node === null) return ''
    if (!isScalar(node)) return undefined
    if (typeof node.value === 'string') return node.value
    return node.value === null ? '' : (node.source ?? '').trim()
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : (node ?? null)
  }

  #where(path: string, node: unknown): string {
    const range = (node as { range?: readonly number[] | null } | null)?.range
    const line = range ? ` (line ${this.#lines.linePos(range[0] ?? 0).line})` : ''
    return path + line
  }

  #add(name: SettingName, text: string, where: string): void {
    this.#reading.add(name, { text, source: 'file', origin: `${this.#file}: ${where}` })
  }

  #unknownKey(where: string, key: string, known: readonly string[]): void {
    this.#problem(where, `${quote(key)} is not a key that regmirror knows${suggestion(key, known)}`)
  }

  #problem(where: string, sentence: string): void {
    const place = where === '' ? this.#file : `${this.#file}: ${where}`
    this.#reading.problems.push(`${place}: ${sentence}`)
  }
}
