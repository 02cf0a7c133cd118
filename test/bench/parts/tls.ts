// Hits of a large blob over TLS 1.3, with one certificate and one cipher suite for all. Nobody has
// sendfile here: what is measured is reading, encrypting and sending.
import { Authority } from '../../support/certificates.ts'
import type { Part } from '../part.ts'
import { clientsTitle, pullHits } from '../pull-hits.ts'
import { startMirror, startNginx, startPeer } from '../servers.ts'

const MEBIBYTES = 512
const CASES = [
  { clients: 1, pulls: 2 },
  { clients: 4, pulls: 1 },
]

export const tls: Part = async (stage) => {
  if (!stage.programs.openssl) {
    stage.say('tls is left out: openssl, which makes the certificates, is not installed')
    return async () => {}
  }
  const authority = await stage.use(Authority.create())
  const options = { certificate: await authority.issue() }
  const { url, folder } = stage.upstream
  const servers = [
    await stage.use(startMirror(url, options)),
    await stage.use(startPeer(url, options)),
    ...(stage.programs.nginx ? [await stage.use(startNginx(folder, [], options))] : []),
  ]
  const blob = await stage.catalog.layer(MEBIBYTES)
  await stage.fill(servers, blob, authority.certificate)

  return async (round) => {
    for (const each of CASES) {
      const title = `hits over TLS, ${MEBIBYTES} MiB blob, ${clientsTitle(each.clients)}`
      for (const server of round.inTurn(servers)) {
        await round.measure(title, server.name, () =>
          pullHits(server, blob, each, authority.certificate),
        )
      }
    }
  }
}
