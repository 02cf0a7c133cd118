// A file system of few MiB, to be filled; unmounted at the end whatever happens.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { killAtExit } from './at-exit.ts'
import { TempFolder } from './temp-folder.ts'

// Where it is mounted.
export function mountDisk(t: TestContext, mebibytes: number): string {
  const temp = new TempFolder('disk')
  const folder = temp.join('data')
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', folder])
  const unmount = (): void => void execFileSync('umount', ['--lazy', folder])
  const forget = killAtExit(unmount)
  t.after(async () => {
    forget()
    unmount()
    await temp.close()
  })
  return folder
}
