// How long something takes that is done once.
import { binaryPath } from '../support/binary.ts'
import { Program } from '../support/process.ts'

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

// A command of the mirror on a data folder, from its start to its end.
export function commandSeconds(folder: string, args: readonly string[]): Promise<number> {
  return seconds(async () => {
    const program = new Program(binaryPath(), [...args, '--data', folder])
    const { code } = await program.exited
    if (code !== 0) throw new Error(program.report())
  })
}
