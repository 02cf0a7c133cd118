// A text that must not end up in a log, an error or a dump: it only comes out where it is asked for.

import { inspect } from 'node:util'

export const HIDDEN = '(hidden)'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
