// The few ustar entries an image layer needs, with every field fixed, so that the same files always
// make the same bytes.
import { bytesContent, joinedContent } from './content.ts'
import type { Content } from './content.ts'

const RECORD = 512
const TYPE = { file: '0', symlink: '2', folder: '5' } as const

export function tarFolder(name: string, mode = 0o755): Content {
  return bytesContent(header({ name: `${name}/`, mode, type: 'folder', size: 0 }))
}

export function tarSymlink(name: string, target: string): Content {
  return bytesContent(header({ name, mode: 0o777, type: 'symlink', size: 0, target }))
}

export function tarFile(name: string, content: Content | Buffer | string, mode = 0o644): Content {
  const body = isContent(content) ? content : bytesContent(Buffer.from(content))
  const padding = Buffer.alloc((RECORD - (body.size % RECORD)) % RECORD)
  const head = bytesContent(header({ name, mode, type: 'file', size: body.size }))
  return joinedContent([head, body, bytesContent(padding)])
}

export function tarArchive(entries: readonly Content[]): Content {
  return joinedContent([...entries, bytesContent(Buffer.alloc(2 * RECORD))])
}

function isContent(value: Content | Buffer | string): value is Content {
  return typeof value === 'object' && 'chunks' in value
}

interface Entry {
  readonly name: string
  readonly mode: number
  readonly type: keyof typeof TYPE
  readonly size: number
  readonly target?: string
}

function header({ name, mode, type, size, target = '' }: Entry): Buffer {
  const record = Buffer.alloc(RECORD)
  const octal = (value: number, offset: number, digits: number) =>
    record.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, 'latin1')
  record.write(name, 0, 100)
  octal(mode, 100, 7)
  octal(0, 108, 7) // owner
  octal(0, 116, 7) // group
  octal(size, 124, 11)
  octal(0, 136, 11) // time
  record.write(' '.repeat(8), 148) // the checksum counts itself as spaces
  record.write(TYPE[type], 156)
  record.write(target, 157, 100)
  record.write('ustar\x0000', 257, 'latin1')
  const sum = record.reduce((total, byte) => total + byte, 0)
  record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return record
}
