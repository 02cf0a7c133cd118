// One of pino's JSON lines → one line for people. The sentence says it all; its fields repeat it for
// machines, and are shown only to whoever asks for everything: `21:04:05 pulled … size=68 MiB`.

import { styleText } from 'node:util'
import { formatBytes, formatElapsed } from './units.ts'

interface LogRecord {
  readonly level: string
  readonly time: string
  readonly msg?: string
  readonly [field: string]: unknown
}

type Style = Parameters<typeof styleText>[0]

const LEVEL_STYLES: Readonly<Record<string, Style>> = { warn: 'yellow', error: 'red' }
const LEVEL_WORDS: Readonly<Record<string, string>> = { warn: 'warning: ', error: 'error: ' }

export interface LineOptions {
  readonly color: boolean
  readonly fields: boolean
}

export function formatLogLine(json: string, options: LineOptions): string {
  const { color } = options
  const { level, time, msg = '', ...fields } = JSON.parse(json) as LogRecord
  const paint = (style: Style | undefined, text: string) =>
    color && style !== undefined && text !== ''
      ? styleText(style, text, { validateStream: false })
      : text
  const message = oneLine((LEVEL_WORDS[level] ?? '') + msg)
  const shown = Object.entries(fields).filter(([name]) => options.fields || name === 'error')
  const facts = shown.map(([name, value]) => oneLine(formatField(name, value)))
  const parts = [
    paint('dim', clockTime(time)),
    paint(LEVEL_STYLES[level], message),
    paint('dim', facts.join(' ')),
  ]
  return `${parts.filter((part) => part !== '').join(' ')}\n`
}

function clockTime(iso: string): string {
  return new Date(iso).toTimeString().slice(0, 8)
}

/** Units leave the name for the value: `sizeBytes: 1024` is shown as `size=1 KiB`. */
function formatField(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (name.endsWith('Bytes')) return `${name.slice(0, -'Bytes'.length)}=${formatBytes(value)}`
    if (name.endsWith('Ms')) return `${name.slice(0, -'Ms'.length)}=${formatElapsed(value)}`
  }
  return `${name}=${formatValue(value)}`
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) ? JSON.stringify(value) : value
  if (isError(value)) return JSON.stringify(value.message)
  return JSON.stringify(value)
}

function isError(value: unknown): value is { readonly message: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value
}

/** Names come from clients and upstreams: none may start a line or steer a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
