import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { closeServer, listen, trackSockets } from '../support/net-ports.ts'
import { rawRequest } from '../support/raw-http.ts'
import { Setting } from '../support/test-mirror.ts'
import { awaitedLater } from '../support/wait-until.ts'

const MIB = 2 ** 20
const OWN = { registryListeners: [{ registry: 'ghcr.io', host: '127.0.0.1', port: 0 }] }

test('a listener that cannot be opened closes the others and is named', async () => {
  await using setting = await Setting.start(OWN)
  const taken = createServer()
  const sockets = trackSockets(taken)
  const port = await listen(taken)
  const registryListeners = [
    ...OWN.registryListeners,
    { registry: 'lab.test:5000', host: '127.0.0.1', port },
  ]
  try {
    await assert.rejects(setting.mirror.restart({ registryListeners }), new RegExp(`\\b${port}\\b`))
  } finally {
    await closeServer(taken, sockets)
  }
  // The data folder has been given up, too.
  await setting.mirror.restart(OWN)
  assert.equal((await setting.mirror.get('/v2/')).status, 200)
})

test('a drain waits for what runs on a registry’s own listener', async () => {
  const blob = heldContent(seededContent('drained', 3 * MIB))
  await using setting = await Setting.start({ ...OWN, tls: { kind: 'self', names: [] } })
  const { mirror, upstream } = setting
  upstream.addBlob('org/app', blob)
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  const url = mirror.registryUrl('ghcr.io').replace('http:', 'https:')
  const ca = (await mirror.get('/ca.crt')).body.toString()
  await using response = await rawRequest(`${url}/v2/org/app/blobs/${blob.digest}`, { ca })
  await response.read()
  assert.equal(mirror.runningResponses, 1)

  const drained = awaitedLater(mirror.drain())
  upstream.release()
  assert.equal((await response.take()).ending, 'complete')
  await drained
})
