// What others wrote (a registry's message, a name) as text that a terminal only shows. Pure.

import { stripVTControlCharacters } from 'node:util'

/** Controls, and what changes the direction of text or breaks lines. */
const COMMANDING = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu

export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(COMMANDING, ' ').trim()
}
