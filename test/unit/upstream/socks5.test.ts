// What a well-behaved proxy does not do: answers in pieces, with more behind them, or wrong ones.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { parseProxy } from '../../../src/upstream/proxy.ts'
import { ProxyFailure } from '../../../src/upstream/proxy-failure.ts'
import { connectSocks5 } from '../../../src/upstream/socks5.ts'
import { closeServer, listen, trackSockets } from '../../support/net-ports.ts'

const NO_LOGIN = [5, 0]
const PASSWORD = [5, 2]
const RIGHT = [1, 0]
const WRONG = [1, 1]
const EARLY = Buffer.from('early bytes')
const TARGET = { hostname: 'registry.test', port: 443 }

// [what the answer to CONNECT says of the proxy's own end, the answer]
const CONNECTED: [string, number[]][] = [
  ['an IPv4 address', [5, 0, 0, 1, 10, 0, 0, 1, 0, 9]],
  ['an IPv6 address', [5, 0, 0, 4, ...Array<number>(16).fill(1), 0, 9]],
  ['a name', [5, 0, 0, 3, 4, ...Buffer.from('here'), 0, 9]],
]

// To each message one answer.
interface Script {
  readonly answers: readonly (readonly number[])[]
  readonly login?: string | undefined
  readonly inPieces?: boolean
  readonly leaves?: boolean // after the last answer
}

async function connect(script: Script): Promise<{ socket: Socket } & AsyncDisposable> {
  const server = net.createServer((client) => void answer(client, script).catch(() => {}))
  const sockets = trackSockets(server)
  const port = await listen(server)
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const dispose = (): Promise<void> => {
    socket.destroy()
    return closeServer(server, sockets)
  }
  try {
    await once(socket, 'connect')
    const login = script.login === undefined ? '' : `${script.login}@`
    const proxy = parseProxy(new URL(`socks5://${login}127.0.0.1:${port}`))
    await connectSocks5(socket, proxy, TARGET, 20_000)
  } catch (error) {
    await dispose()
    throw error
  }
  return { socket, [Symbol.asyncDispose]: dispose }
}

async function answer(client: Socket, { answers, inPieces, leaves }: Script): Promise<void> {
  client.on('error', () => {}).setNoDelay(true)
  for (const bytes of answers) {
    await once(client, 'data')
    const pieces = inPieces ? bytes.map((byte) => [byte]) : [bytes]
    for (const piece of pieces) {
      await new Promise((resolve) => client.write(Buffer.from(piece), resolve))
    }
  }
  if (leaves) client.end()
}

async function read(socket: Socket, size: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  while (Buffer.concat(pieces).length < size) {
    const bytes = socket.read() as Buffer | null
    if (bytes) pieces.push(bytes)
    else await once(socket, 'readable')
  }
  return Buffer.concat(pieces)
}

for (const [what, connected] of CONNECTED) {
  for (const inPieces of [false, true]) {
    const how = inPieces ? 'byte by byte' : 'in one'
    test(`nothing behind an answer with ${what} is lost, sent ${how}`, async () => {
      const answers = [PASSWORD, RIGHT, [...connected, ...EARLY]]
      await using connection = await connect({ answers, inPieces, login: 'user:secret' })
      assert.deepEqual(await read(connection.socket, EARLY.length), EARLY)
    })
  }
}

test('the socket is handed on as it came: no listener stays, nothing flows', async () => {
  await using connection = await connect({ answers: [NO_LOGIN, CONNECTED[0]![1]] })
  const { socket } = connection
  assert.deepEqual([socket.listenerCount('data'), socket.listenerCount('readable')], [0, 0])
  assert.deepEqual([socket.listenerCount('close'), socket.listenerCount('error')], [0, 1])
  assert.notEqual(socket.readableFlowing, true)
})

// [answers, login, words, whether to try again]
const FAILURES: [number[][], string | undefined, RegExp, boolean][] = [
  [[[5, 0xff]], undefined, /wants a login: put USER:PASSWORD@ into its URL$/, false],
  [[[5, 0xff]], 'user:secret', /takes no password$/, false],
  [[[5, 1]], undefined, /wants a login: put USER:PASSWORD@ into its URL$/, false],
  [[PASSWORD, WRONG], undefined, /wants a login: put USER:PASSWORD@ into its URL$/, false],
  [[PASSWORD, WRONG], 'user:secret', /refused the login: check the login in its URL$/, false],
  [[[...Buffer.from('HTTP/1.1 400 Bad Request')]], undefined, /does not speak SOCKS5$/, false],
  [[NO_LOGIN, [4, 0, 0, 1, 0, 0, 0, 0, 0, 0]], undefined, /does not speak SOCKS5$/, false],
  [[NO_LOGIN, [5, 0, 0, 7, 0, 0, 0, 0, 0, 0]], undefined, /does not speak SOCKS5$/, false],
  [[[5]], undefined, /closed the connection before it led anywhere$/, true],
  [[NO_LOGIN], undefined, /closed the connection before it led anywhere$/, true],
  [[NO_LOGIN, [5, 5]], undefined, /closed the connection before it led anywhere$/, true],
  [[], 'user:' + 'secret'.repeat(50), /cannot be given .* more than 255 bytes$/, false],
  ...(
    [
      [1, /failed when asked for registry\.test:443$/, true],
      [2, /does not allow it when asked for registry\.test:443$/, false],
      [3, /found the network unreachable when asked for registry\.test:443$/, true],
      [4, /found the host unreachable when asked for registry\.test:443$/, true],
      [5, /was refused the connection when asked for registry\.test:443$/, true],
      [6, /lost its packets on the way when asked for registry\.test:443$/, true],
      [7, /knows no CONNECT when asked for registry\.test:443$/, false],
      [8, /knows no addresses of this kind when asked for registry\.test:443$/, false],
      [9, /gave an unknown answer when asked for registry\.test:443$/, false],
    ] as const
  ).map(([reply, words, transient]): (typeof FAILURES)[number] => {
    return [[NO_LOGIN, [5, reply, 0, 1, 0, 0, 0, 0, 0, 0]], undefined, words, transient]
  }),
]

for (const [answers, login, words, transient] of FAILURES) {
  const said = answers.map((bytes) => Buffer.from(bytes).toString('hex')).join(', ')
  const as = login === undefined ? 'no login' : 'a login'
  test(`a proxy that says ${said || 'nothing'} to ${as}: ${words.source}`, async () => {
    await assert.rejects(connect({ answers, login, leaves: true }), (error) => {
      assert.ok(error instanceof ProxyFailure)
      assert.match(error.message, words)
      assert.equal(error.transient, transient)
      assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret/)
      return true
    })
  })
}
