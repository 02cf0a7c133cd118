// Questions to the person at the terminal. They go to stderr: stdout is for data.

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { ConfigError } from '../errors.ts'

/** More than any password or token has. */
const INPUT_MAX_BYTES = 64 * 1024

/** `isHidden`: what is typed is not shown. `otherwise` is what to do where there is no terminal. */
export async function ask(question: string, isHidden: boolean, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY) throw new ConfigError([`there is no terminal to ask at: ${otherwise}`])
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const output = isHidden ? silent : process.stderr
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  // Ctrl-C would otherwise only end the line.
  terminal.once('SIGINT', () => process.exit(130))
  try {
    process.stderr.write(isHidden ? question : '')
    return await terminal.question(isHidden ? '' : question)
  } catch {
    throw new ConfigError(['nothing was typed'])
  } finally {
    terminal.close()
    if (isHidden) process.stderr.write('\n')
  }
}

/** All of standard input, without the line's end that echo and files add. */
export async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > INPUT_MAX_BYTES) throw new ConfigError(['standard input is too long for a password'])
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '')
}
