// A file that every look at it fails on, for root too.
import { rmSync, symlinkSync } from 'node:fs'

export function unreadable(file: string): void {
  rmSync(file)
  symlinkSync(file, file)
}
