// The log: pino, written at once to stderr as JSON lines or as lines for people.

import { pino, stdSerializers, stdTimeFunctions } from 'pino'
import { formatLogLine } from './log-line.ts'

export type LogFields = Readonly<Record<string, unknown>>

/** The message is a sentence without its end; fields keep their unit in their name (`sizeBytes`). */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface LogOptions {
  readonly format: 'text' | 'json'
  readonly level: 'info' | 'debug'
  readonly color: boolean
}

export interface LogOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** For whoever tells people in another way. */
export const silentLog: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}

/** Where what warns is told in another way. */
export function errorsOnly(log: Logger): Logger {
  return { ...silentLog, error: (message, fields) => log.error(message, fields) }
}

const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  '["proxy-authorization"]',
  '["www-authenticate"]',
  'cookie',
  '["set-cookie"]',
  'token',
  'access_token',
  'refresh_token',
  'password',
  'secret',
]

const secretPaths = SECRET_FIELDS.flatMap((field) => {
  const below = field.startsWith('[') ? field : `.${field}`
  return [field, `*${below}`, `*.*${below}`]
})

export function openLog(options: LogOptions, output: LogOutput): Logger {
  const color = options.color && output.isTTY === true
  const write =
    options.format === 'json'
      ? (line: string) => output.write(line)
      : (line: string) =>
          output.write(formatLogLine(line, { color, fields: options.level === 'debug' }))
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
      redact: { paths: secretPaths, censor: '[hidden]' },
    },
    { write },
  )
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  }
}
