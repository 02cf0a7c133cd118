import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

export function parseSwitch(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return { value: true }
  if (['false', 'no', 'off', '0'].includes(word)) return { value: false }
  return { problem: `${quote(text)} is neither true nor false` }
}
