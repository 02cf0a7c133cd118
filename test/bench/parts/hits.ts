// Hits of a large blob over plain HTTP: how fast a server gets a file from the page cache to its
// clients. And once more without sendfile, as on systems that do not have it.
import { binaryPath } from '../../support/binary.ts'
import { run } from '../../support/process.ts'
import type { Part } from '../part.ts'
import { clientsTitle, pullHits } from '../pull-hits.ts'
import { startMirror } from '../servers.ts'
import type { Server } from '../servers.ts'
import type { Stage } from '../stage.ts'

// About 2 and 4 GB each, or a tick of the CPU clock would be a tenth of nginx's result.
const CASES = [
  { clients: 1, mebibytes: 512, pulls: 4 },
  { clients: 4, mebibytes: 512, pulls: 1 },
  { clients: 32, mebibytes: 128, pulls: 1 },
]

export const hits: Part = async (stage) => {
  const servers = await stage.warm()
  const kinds = [{ what: 'hits', servers }]
  const byBuffers = await startWithoutSendfile(stage)
  if (byBuffers !== undefined) {
    const peers = servers.filter(({ name }) => name === 'docker-registry')
    kinds.push({ what: 'hits without sendfile', servers: [byBuffers, ...peers] })
  }
  for (const { mebibytes } of CASES) {
    const blob = await stage.catalog.layer(mebibytes)
    for (const kind of kinds) await stage.fill(kind.servers, blob)
  }

  return async (round) => {
    for (const each of CASES) {
      const blob = await stage.catalog.layer(each.mebibytes)
      for (const kind of kinds) {
        const title = `${kind.what}, ${each.mebibytes} MiB blob, ${clientsTitle(each.clients)}`
        for (const server of round.inTurn(kind.servers)) {
          await round.measure(title, server.name, () => pullHits(server, blob, each))
        }
      }
    }
  }
}

async function startWithoutSendfile(stage: Stage): Promise<Server | undefined> {
  const { stdout } = await run(binaryPath(), ['serve', '--help'])
  if (stdout.includes('--sendfile')) {
    const args = ['--sendfile', 'off']
    return await stage.use(startMirror(stage.upstream.url, { args }))
  }
  stage.say('hits without sendfile are left out: this regmirror knows no --sendfile')
  return undefined
}
