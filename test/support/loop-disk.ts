// An ext4 disk in a file, mounted, that can lose power: what has reached the disk so far is all that
// is left, and the machine starts again. Its kernel writes as late as it may, so that what was not
// synced is lost indeed.
import { randomUUID } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { killAtExit } from './at-exit.ts'
import { unavailable } from './client-tools.ts'
import { run } from './process.ts'
import { TempFolder } from './temp-folder.ts'

const LATE_COMMITS = 'loop,commit=300'
const COPIES_MAX = 20

export class LoopDisk implements AsyncDisposable {
  readonly folder: string // where it is mounted
  readonly #temp = new TempFolder('disk')
  readonly #image: string
  readonly #forget: () => void

  private constructor() {
    this.folder = this.#temp.join('mounted')
    this.#image = this.#temp.join('image')
    mkdirSync(this.folder)
    this.#forget = killAtExit(() => this.#unmount())
  }

  static unavailable(): string | undefined {
    return unavailable('mkfs.ext4', 'mount', 'umount', 'unshare')
  }

  static async make(sizeBytes: number): Promise<LoopDisk> {
    const disk = new LoopDisk()
    writeFileSync(disk.#image, '')
    truncateSync(disk.#image, sizeBytes)
    await run('mkfs.ext4', ['-q', '-F', disk.#image])
    await disk.#mount()
    disk.#startMachine()
    return disk
  }

  // What a program is started by, for it to find itself on a machine that started anew after each
  // power loss.
  get onMachine(): readonly string[] {
    const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
    return ['unshare', '--mount', 'sh', '-c', script, this.#temp.join('boot-id')]
  }

  // Whoever writes to it stands still, and is gone once `kill` has resolved.
  async losePower(kill: () => Promise<unknown>): Promise<void> {
    const left = this.#temp.join('left')
    await this.#copyTo(left)
    await kill()
    this.#unmount()
    renameSync(left, this.#image)
    await this.#mount()
    this.#startMachine()
  }

  async close(): Promise<void> {
    this.#unmount()
    this.#forget()
    await this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // A copy in which some writes are and earlier ones are not would be of no disk that ever was.
  async #copyTo(target: string): Promise<void> {
    for (let copies = 0; copies < COPIES_MAX; copies += 1) {
      const before = this.#writes()
      await run('cp', ['--sparse=always', this.#image, target])
      if (before !== undefined && before === this.#writes()) return
    }
    throw new Error(`${this.#image} was written to all the time`)
  }

  // How many writes the disk has had; undefined while one is under way.
  #writes(): number | undefined {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    const device = mounts.find((line) => line.split(' ')[1] === this.folder)?.split(' ')[0] ?? ''
    const stat = readFileSync(`/sys/block/${device.replace('/dev/', '')}/stat`, 'utf8')
    const fields = stat.trim().split(/\s+/).map(Number)
    return fields[8] === 0 ? fields[4] : undefined
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', LATE_COMMITS, this.#image, this.folder])
  }

  #unmount(): void {
    spawnSync('umount', [this.folder])
  }

  #startMachine(): void {
    writeFileSync(this.#temp.join('boot-id'), `${randomUUID()}\n`)
  }
}
