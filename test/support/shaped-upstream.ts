// A registry in a network namespace of its own, at the other end of a link whose kernel lets only so
// much through, as a line to the internet does. Namespace and link are gone when its process is.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { unavailable } from './client-tools.ts'
import { Program, run } from './process.ts'

const PROCESS = path.join(import.meta.dirname, 'shaped-upstream-process.ts')
const START_MS = 30_000
// Of 198.18.0.0/15, which is for such tests: one subnet of four addresses for each process.
const SUBNETS = 2 ** 14
const QUEUE = ['burst', '256kb', 'latency', '50ms']

export interface ShapedImage {
  readonly name: string
  // Its one large layer.
  readonly layer: string
  readonly sizeBytes: number
}

export interface ShapedOptions {
  readonly bitsPerSecond: number
  // The size of the layer of each image, by repository.
  readonly imagesMiB: Readonly<Record<string, number>>
}

export class ShapedUpstream implements AsyncDisposable {
  readonly url: string
  readonly images: readonly ShapedImage[]
  readonly #program: Program
  readonly #device: string

  private constructor(program: Program, device: string, url: string, images: ShapedImage[]) {
    this.#program = program
    this.#device = device
    this.url = url
    this.images = images
  }

  static unavailable(): string | undefined {
    return unavailable('ip', 'tc', 'unshare', 'nsenter')
  }

  static async start({ bitsPerSecond, imagesMiB }: ShapedOptions): Promise<ShapedUpstream> {
    const asked = Object.entries(imagesMiB).map(([name, mebibytes]) => `${name}=${mebibytes}`)
    const program = new Program('unshare', ['--net', process.execPath, PROCESS, ...asked])
    try {
      const line = await program.waitForLine(/^\{/, START_MS, 'stdout')
      const { port, images } = JSON.parse(line) as { port: number; images: ShapedImage[] }
      const device = `rmt${program.pid}`
      const address = await join(program.pid, device, bitsPerSecond)
      return new ShapedUpstream(program, device, `http://${address}:${port}`, images)
    } catch (error) {
      await program.stop('SIGKILL')
      throw error
    }
  }

  image(name: string): ShapedImage {
    const found = this.images.find((each) => each.name === name)
    if (!found) throw new Error(`there is no ${name}`)
    return found
  }

  // All that has come over the link.
  get arrivedBytes(): number {
    const file = `/sys/class/net/${this.#device}/statistics/rx_bytes`
    return Number(readFileSync(file, 'utf8'))
  }

  async close(): Promise<void> {
    await this.#program.stop('SIGKILL')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

// Resolves to the address at the far end.
async function join(pid: number, device: string, bitsPerSecond: number): Promise<string> {
  const subnet = pid % SUBNETS
  const prefix = `198.18.${subnet >> 6}`
  const first = (subnet & 63) * 4
  const near = `${prefix}.${first + 1}`
  const far = `${prefix}.${first + 2}`
  const there = (...words: string[]): Promise<Program> =>
    run('nsenter', [`--net=/proc/${pid}/ns/net`, ...words])
  const peer = ['peer', 'name', 'far', 'netns', String(pid)]
  await run('ip', ['link', 'add', device, 'type', 'veth', ...peer])
  await run('ip', ['addr', 'add', `${near}/30`, 'dev', device])
  await run('ip', ['link', 'set', device, 'up'])
  await there('ip', 'addr', 'add', `${far}/30`, 'dev', 'far')
  await there('ip', 'link', 'set', 'far', 'up')
  const rate = ['rate', `${bitsPerSecond}bit`, ...QUEUE]
  await there('tc', 'qdisc', 'add', 'dev', 'far', 'root', 'tbf', ...rate)
  return far
}
