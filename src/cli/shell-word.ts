// A word of a command to be copied into a shell. Pure.

import { printable } from './printable.ts'

const PLAIN = /^[\w@%+=:,./-]+$/
/** Or that a shell does not take as it is there. */
const NOT_SHOWN = /[^ -&(-[\]-~]/gu

export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word
  if (printable(word) !== word) return `$'${word.replace(NOT_SHOWN, escapedBytes)}'`
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** As a shell reads it between $' and '. */
function escapedBytes(sign: string): string {
  const bytes = [...Buffer.from(sign)]
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
