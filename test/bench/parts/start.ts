// From the start of the process to its first answer, beside the peer and beside what Node's own tools
// make of the same bundle. Asked every 10 ms, which is the error of each start.
import { statSync } from 'node:fs'
import { binaryPath, RegMirror } from '../../support/binary.ts'
import { makeBigIndex } from '../../support/big-index.ts'
import { DockerRegistry } from '../../support/docker-registry.ts'
import { campaign } from '../../support/seed.ts'
import { TempFolder } from '../../support/temp-folder.ts'
import type { Part } from '../part.ts'
import { PlainExecutable } from '../plain-executable.ts'
import { medianOf, SUBJECT } from '../results.ts'

const STARTS = 10
const TAGS = campaign(10_000)

export const start: Part = async (stage) => {
  const { url } = stage.upstream
  const plain = await PlainExecutable.make()
  if (plain === undefined) stage.say("Node's own executable is left out: npm run build, and strip")
  else await stage.use(Promise.resolve(plain))
  const filled = await stage.use(Promise.resolve(new TempFolder('filled')))
  const { blobs } = makeBigIndex(filled.path, { tags: TAGS })

  const programs = [
    { name: SUBJECT, program: binaryPath() },
    ...(plain === undefined ? [] : [{ name: "Node's own executable", program: plain.file }]),
  ]
  const onMirror = (dataFolder?: string) =>
    programs.map(({ name, program }) => ({
      name,
      begin: () =>
        RegMirror.start({
          ...{ program, registries: { 'docker.io': url } },
          ...(dataFolder !== undefined && { dataFolder }),
        }),
    }))
  const peer = { name: 'docker-registry', begin: () => DockerRegistry.start({ proxyOf: url }) }
  const cases = {
    'start to first answer, empty folder': [...onMirror(), peer],
    [`start to first answer, ${TAGS} tags, ${blobs} blobs`]: onMirror(filled.path),
  }

  return async (round) => {
    for (const [title, servers] of Object.entries(cases)) {
      for (const { name, begin } of round.inTurn(servers)) {
        await round.measure(title, name, async () => ({ start: await medianStart(begin) }))
      }
    }
    for (const { name, program } of programs) {
      await round.measure('the program file', name, async () => ({
        size: statSync(program).size / 1e6,
      }))
    }
  }
}

// Of one that is started again and again; what ends it is no part of it.
async function medianStart(begin: () => Promise<AsyncDisposable>): Promise<number> {
  const taken: number[] = []
  for (let n = 0; n < STARTS; n += 1) {
    const started = performance.now()
    await using _server = await begin()
    taken.push(performance.now() - started)
  }
  return medianOf(taken)
}
