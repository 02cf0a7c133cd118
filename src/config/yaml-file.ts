// The texts in a YAML file, each with the line it stands in, and what they add up to.

import { isAlias, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import { Reading } from './given.ts'
import type { SettingName } from './settings.ts'
import { hideLogins, quote, suggestion } from './wording.ts'

export class YamlFile {
  readonly reading = new Reading()
  readonly #file: string
  readonly #lines = new LineCounter()
  readonly #document: Document

  /** `file` is what people call it. */
  constructor(file: string, text: string) {
    this.#file = file
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
  }

  /** Undefined where it is not YAML, which is then a problem. */
  top(): unknown {
    for (const { message, pos } of this.#document.errors) {
      // What follows a colon is what was found, and that may be a password.
      const [sentence = ''] = message.split(/: |\n/)
      this.problem(`line ${this.#lines.linePos(pos[0]).line}`, `is not YAML: ${sentence}`)
    }
    return this.#document.errors.length > 0 ? undefined : this.resolve(this.#document.contents)
  }

  /** As written: 010 stays 010 and yes stays yes. Undefined for what is not one value. */
  textOf(value: unknown): string | undefined {
    const node = this.resolve(value)
    if (node === null) return ''
    if (!isScalar(node)) return undefined
    if (typeof node.value === 'string') return node.value
    return node.value === null ? '' : (node.source ?? '').trim()
  }

  /** Of one value or a list of them; undefined where any of them is none. */
  textsOf(value: unknown): readonly string[] | undefined {
    const node = this.resolve(value)
    const texts = (isSeq(node) ? node.items : [node]).map((item) => this.textOf(item))
    return texts.every((text) => text) ? (texts as string[]) : undefined
  }

  resolve(node: unknown): unknown {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : (node ?? null)
  }

  where(path: string, node: unknown): string {
    const range = (node as { range?: readonly number[] | null } | null)?.range
    const line = range ? ` (line ${this.#lines.linePos(range[0] ?? 0).line})` : ''
    return hideLogins(path) + line
  }

  add(name: SettingName, text: string, where: string): void {
    this.reading.add(name, { text, source: 'file', origin: `${this.#file}: ${where}` })
  }

  /** For one text that is asked for. */
  addText(name: SettingName, prefix: string, value: unknown, where: string): void {
    const text = this.textOf(value)
    if (text) this.add(name, prefix + text, where)
    else this.unreadable(value, where)
  }

  unreadable(value: unknown, where: string): void {
    const isEmpty = this.textOf(value) === ''
    if (isEmpty) this.problem(where, 'is empty: give it a value or leave the key out')
    else this.problem(where, 'holds several values where one is expected')
  }

  unknownKey(where: string, key: string, known: readonly string[]): void {
    this.problem(where, `${quote(key)} is not a key that regmirror knows${suggestion(key, known)}`)
  }

  problem(where: string, sentence: string): void {
    const place = where === '' ? this.#file : `${this.#file}: ${where}`
    this.reading.problems.push(`${place}: ${sentence}`)
  }
}
