// Node's own single executable of the bundle that build.ts left, by the tools that Node's manual
// names: what packing it with pkg costs, or does not.
import { execFileSync } from 'node:child_process'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { TempFolder } from '../support/temp-folder.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const BUILT = path.join(ROOT, 'node_modules/.cache/regmirror')
const NODE = path.join(BUILT, `node-${process.version}-${process.platform}-${process.arch}`)
const POSTJECT = path.join(ROOT, 'node_modules/.bin/postject') // comes with pkg
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

export class PlainExecutable implements AsyncDisposable {
  readonly file: string
  readonly #temp: TempFolder

  private constructor(file: string, temp: TempFolder) {
    this.file = file
    this.#temp = temp
  }

  // Undefined: what it is made of is not here.
  static async make(): Promise<PlainExecutable | undefined> {
    const config = path.join(BUILT, 'sea.json')
    if (![config, NODE, POSTJECT].every((file) => existsSync(file))) return undefined
    const temp = new TempFolder('plain')
    const [blob, staged, file] = ['sea.blob', 'staged', 'regmirror'].map((name) => temp.join(name))
    if (!blob || !staged || !file) throw new Error('a name is missing')
    const built = JSON.parse(readFileSync(config, 'utf8')) as object
    writeFileSync(temp.join('sea.json'), JSON.stringify({ ...built, output: blob }))
    execute(process.execPath, '--experimental-sea-config', temp.join('sea.json'))
    await copy(NODE, staged)
    execute(POSTJECT, staged, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE)
    // As build.ts does it, or the one file would lie in the page cache in larger pieces.
    await copy(staged, file)
    return new PlainExecutable(file, temp)
  }

  close(): Promise<void> {
    return this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function execute(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function copy(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createWriteStream(to, { mode: 0o755 }))
}
