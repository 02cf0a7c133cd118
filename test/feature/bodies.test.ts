// What goes out as a body is the same by sendfile and by buffers, and one of the two is really sendfile.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { openSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import type { BodyPart, ByteSource } from '../../src/lib/byte-source.ts'
import { silentLog } from '../../src/lib/log.ts'
import { listen } from '../../src/runtime/listener.ts'
import type { Listener } from '../../src/runtime/listener.ts'
import { Outlet, Sendfile } from '../../src/runtime/sendfile.ts'
import { seededContent } from '../support/content.ts'
import { rawRequest } from '../support/raw-http.ts'
import { campaign, seed } from '../support/seed.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'
import { connectTo, firstResponse, untilClosed } from './raw-talk.ts'

const MIB = 2 ** 20
const SIZE = 6 * MIB
const FILES = ['one', 'two', 'three', 'four'].map((name) =>
  Buffer.concat([...seededContent(name, SIZE).chunks()]),
)
const [FILE = Buffer.alloc(0)] = FILES

interface Response {
  readonly parts: readonly BodyPart[]
  readonly source?: Partial<ByteSource>
  readonly isWithoutLength?: boolean
  /** Before the answer to file N is found. */
  readonly turnsUntilFound?: (n: number) => number
}

interface Sent {
  readonly bytes: number
  readonly isComplete: boolean
}

interface Bodies {
  readonly url: string
  readonly listener: Listener
  /** Of sendfile. */
  readonly calls: { count: number }
  /** Of responses, in the order in which they ended. */
  readonly sent: Sent[]
  readonly released: { count: number }
  ended(count: number): Promise<void>
}

/** Or what stands for sendfile. */
type Way = 'sendfile' | 'buffers' | Pick<Sendfile, 'outlet'>

/** A listener whose answer to `/N` is made of file N. */
async function serve(
  t: TestContext,
  way: Way,
  response: Response = { parts: [{ start: 0, end: SIZE }] },
  idleTimeoutMs = 30_000,
): Promise<Bodies> {
  const folder = new TempFolder('bodies')
  const fds = FILES.map((bytes, n) => {
    writeFileSync(folder.join(String(n)), bytes)
    return openSync(folder.join(String(n)), 'r')
  })
  const calls = { count: 0 }
  const released = { count: 0 }
  const sent: Sent[] = []
  const length = response.parts.reduce(
    (sum, part) => sum + (part instanceof Uint8Array ? part.length : (part.end ?? 0) - part.start),
    0,
  )
  const headers = response.isWithoutLength ? undefined : { 'content-length': String(length) }
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    registry: undefined,
    tls: undefined,
    clientIdleTimeoutMs: idleTimeoutMs,
    sendfile: sendfileOf(way, calls),
    fetch: async (_, exchange) => {
      const file = Number(exchange.target.slice(1))
      await turns(response.turnsUntilFound?.(file) ?? 0)
      const source: ByteSource = {
        fd: fds[file] ?? -1,
        sizeBytes: SIZE,
        available: (position) => SIZE - position,
        arrived: () => Promise.resolve(),
        release: () => (released.count += 1),
        ...response.source,
      }
      exchange.body = { source, parts: response.parts }
      exchange.sent = (bytes, isComplete) => sent.push({ bytes, isComplete })
      return new Response(null, headers && { headers })
    },
  })
  t.after(async () => {
    await listener.stop()
    await folder.close()
  })
  return {
    url: `http://127.0.0.1:${listener.address.port}`,
    listener,
    calls,
    sent,
    released,
    ended: async (count) => {
      await waitUntil(() => sent.length >= count, { what: 'the end', everyMs: 1 })
    },
  }
}

function sendfileOf(way: Way, calls: { count: number }): Pick<Sendfile, 'outlet'> | undefined {
  if (way === 'buffers') return undefined
  return way === 'sendfile' ? counted(new Sendfile(silentLog, loadKoffi), calls) : way
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve))
}

function loadKoffi(): object {
  return createRequire(import.meta.url)('koffi') as object
}

function counted(real: Sendfile, calls: { count: number }): Pick<Sendfile, 'outlet'> {
  return {
    outlet: (socket) => {
      const outlet = real.outlet(socket)
      const send = outlet?.send.bind(outlet)
      if (outlet && send) {
        outlet.send = (...args) => {
          calls.count += 1
          return send(...args)
        }
      }
      return outlet
    },
  }
}

const ask = (n: number, more = ''): string => `GET /${n} HTTP/1.1\r\nHost: box\r\n${more}\r\n`
const LAST = 'Connection: close\r\n'

/** Not by an assertion that would print megabytes. */
function isSame(received: Buffer, expected: Buffer): boolean {
  return received.equals(expected)
}

for (const way of ['sendfile', 'buffers'] as const) {
  const isSendfile = way === 'sendfile'
  const options = { skip: isSendfile && process.platform !== 'linux' && 'sendfile is Linux’s' }

  test(
    `by ${way}: the whole, again on the same connection, and sendfile is used or not`,
    options,
    async (t) => {
      const { url, calls, sent } = await serve(t, way)
      const socket = await connectTo(url)
      const talk = untilClosed(socket)
      socket.write(ask(0) + ask(1) + ask(2, LAST))
      let { received: rest } = await talk
      for (const file of FILES.slice(0, 3)) {
        const response = firstResponse(rest)
        assert.ok(isSame(response.body, file))
        rest = response.rest
      }
      assert.equal(rest.length, 0)
      assert.deepEqual(sent, Array(3).fill({ bytes: SIZE, isComplete: true }))
      assert.equal(calls.count > 0, isSendfile)
    },
  )

  test(
    `by ${way}: pipelined requests get their answers in their order, whichever is found first`,
    options,
    async (t) => {
      const waits = fc.array(fc.nat(4), { minLength: FILES.length, maxLength: FILES.length })
      await fc.assert(
        fc.asyncProperty(waits, async (found) => {
          const parts = [{ start: 0, end: MIB }]
          const turnsUntilFound = (n: number): number => found[n] ?? 0
          const { url, listener } = await serve(t, way, { parts, turnsUntilFound })
          const socket = await connectTo(url)
          const talk = untilClosed(socket)
          socket.write(FILES.map((_, n) => ask(n, n === FILES.length - 1 ? LAST : '')).join(''))
          let { received: rest } = await talk
          for (const file of FILES) {
            const answer = firstResponse(rest)
            assert.ok(isSame(answer.body, file.subarray(0, MIB)))
            rest = answer.rest
          }
          await listener.stop()
        }),
        { seed, numRuns: campaign(5), examples: [[[3, 2, 1, 0]]] },
      )
    },
  )

  test(`by ${way}: any parts of a file that grows at any pace`, options, async (t) => {
    const position = fc.nat(SIZE)
    const slice = fc
      .tuple(position, position)
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
    const part = fc.oneof(
      { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 200 }) },
      { weight: 3, arbitrary: slice },
    )
    const steps = fc.array(fc.integer({ min: 1, max: 2 * MIB }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        steps,
        async (parts, grown) => {
          let there = 0
          let step = 0
          const grow = async (): Promise<number> => {
            await new Promise((resolve) => setImmediate(resolve))
            return (there = Math.min(SIZE, there + (grown[step++ % grown.length] ?? MIB)))
          }
          const source: Partial<ByteSource> = {
            available: (at) => Math.max(0, there - at),
            arrived: async (at) => {
              for (let now = there; now <= at && now < SIZE;) now = await grow()
            },
          }
          const { url, ended, sent, listener } = await serve(t, way, { parts, source })
          const expected = Buffer.concat(
            parts.map((each) =>
              each instanceof Uint8Array ? each : FILE.subarray(each.start, each.end),
            ),
          )
          await using response = await rawRequest(`${url}/0`)
          const { bytes, ending } = await response.take({ expect: { bytes: expected } })
          assert.deepEqual([bytes, ending], [expected.length, 'complete'])
          await ended(1)
          assert.deepEqual(sent, [{ bytes: expected.length, isComplete: true }])
          await listener.stop()
        },
      ),
      { seed, numRuns: campaign(6) },
    )
  })

  test(
    `by ${way}: what never comes ends with FIN, after every byte before it`,
    options,
    async (t) => {
      const end = 5 * MIB + 17
      const source: Partial<ByteSource> = {
        available: (at) => Math.max(0, end - at),
        arrived: () => Promise.reject(new Error('upstream is gone')),
      }
      const { url, ended, sent, calls } = await serve(t, way, {
        parts: [{ start: 0, end: SIZE }],
        source,
      })
      await using response = await rawRequest(`${url}/0`)
      const { bytes, ending } = await response.take({ expect: { bytes: FILE } })
      assert.deepEqual([bytes, ending], [end, 'fin'])
      await ended(1)
      assert.deepEqual(sent, [{ bytes: end, isComplete: false }])
      assert.equal(calls.count > 0, isSendfile)
    },
  )

  test(
    `by ${way}: a file shorter than it was ends with FIN, after every byte of it`,
    options,
    async (t) => {
      const parts = [{ start: 0, end: SIZE + MIB }]
      const source = { sizeBytes: SIZE + MIB, available: (at: number) => SIZE + MIB - at }
      const { url, ended, sent } = await serve(t, way, { parts, source })
      await using response = await rawRequest(`${url}/0`)
      const { bytes, ending } = await response.take({ expect: { bytes: FILE } })
      assert.deepEqual([bytes, ending], [SIZE, 'fin'])
      await ended(1)
      assert.deepEqual(sent, [{ bytes: SIZE, isComplete: false }])
    },
  )

  test(
    `by ${way}: the rest of a file that cannot be read comes from elsewhere`,
    options,
    async (t) => {
      const source: Partial<ByteSource> = {
        fd: openSync('/', 'r'),
        elsewhere: (start, end, unreadable) => {
          assert.equal((unreadable as NodeJS.ErrnoException).code, 'EISDIR')
          return (async function* () {
            yield FILE.subarray(start, end)
          })()
        },
      }
      const { url } = await serve(t, way, { parts: [{ start: 0, end: SIZE }], source })
      await using response = await rawRequest(`${url}/0`)
      const { bytes, ending } = await response.take({ expect: { bytes: FILE } })
      assert.deepEqual([bytes, ending], [SIZE, 'complete'])
    },
  )

  test(`by ${way}: a body without a length is chunked`, options, async (t) => {
    const { url, calls } = await serve(t, way, { parts: [{ start: 0 }], isWithoutLength: true })
    await using response = await rawRequest(`${url}/0`)
    assert.equal(response.headers.get('transfer-encoding'), 'chunked')
    const { bytes, ending } = await response.take({ expect: { bytes: FILE } })
    assert.deepEqual([bytes, ending, calls.count], [SIZE, 'complete', 0])
  })

  test(`by ${way}: a client that takes nothing any more is cut`, options, async (t) => {
    const long: BodyPart[] = Array.from({ length: 20 }, () => ({ start: 0, end: SIZE }))
    const { url, ended, sent, calls } = await serve(t, way, { parts: long }, 400)
    await using response = await rawRequest(`${url}/0`)
    await response.read()
    await ended(1)
    assert.equal(sent[0]?.isComplete, false)
    assert.equal(calls.count > 0, isSendfile)
  })

  test(
    `by ${way}: a stop cuts a client that takes nothing, at once and by the end of its connection`,
    options,
    async (t) => {
      const long: BodyPart[] = Array.from({ length: 20 }, () => ({ start: 0, end: SIZE }))
      const { url, listener, ended, released } = await serve(t, way, { parts: long })
      await using response = await rawRequest(`${url}/0`)
      await response.read()
      await listener.stop()
      await ended(1)
      assert.equal(released.count, 1)
      assert.notEqual((await response.take()).ending, 'complete')
    },
  )

  test(
    `by ${way}: clients that leave while others come: nobody gets another’s bytes, no descriptor is left`,
    options,
    async (t) => {
      const { url, ended, calls } = await serve(t, way)
      const before = readdirSync('/proc/self/fd').length
      const hashes = FILES.map((file) => createHash('sha256').update(file).digest('hex'))
      const client = fc.record({
        file: fc.nat(FILES.length - 1),
        leaveAfter: fc.oneof(fc.constant(Infinity), fc.nat(SIZE)),
        afterTurns: fc.nat(30),
      })
      const clients = fc.sample(client, { seed, numRuns: campaign(60) })
      const lanes = Array.from({ length: 12 }, (_, lane) =>
        clients.filter((__, n) => n % 12 === lane),
      )
      await Promise.all(
        lanes.map(async (lane) => {
          for (const { file, leaveAfter, afterTurns } of lane) {
            await turns(afterTurns)
            await using response = await rawRequest(`${url}/${file}`)
            const expect = { bytes: FILES[file] ?? FILE }
            const { ending, sha256 } = await response.take({ leaveAfter, hash: true, expect })
            if (ending === 'complete') assert.equal(sha256, `sha256:${hashes[file]}`)
            else assert.ok(ending === 'left' && leaveAfter < Infinity, ending)
          }
        }),
      )
      await ended(clients.length)
      await waitUntil(() => readdirSync('/proc/self/fd').length <= before, {
        what: 'no descriptor',
      })
      assert.equal(calls.count > 0, isSendfile)
    },
  )
}

test('a file that sendfile does not take goes through buffers, after a few tries', async (t) => {
  let tries = 0
  const refuse = (): Promise<number> => {
    tries += 1
    return Promise.resolve(-1)
  }
  const sendfile = {
    outlet: (socket: Socket) => new Outlet(socket, openSync('/dev/null', 'w'), refuse, () => SIZE),
  }
  const { url } = await serve(t, sendfile)
  await using response = await rawRequest(`${url}/0`)
  const { bytes, ending } = await response.take({ expect: { bytes: FILE } })
  assert.deepEqual([bytes, ending, tries], [SIZE, 'complete', 3])
})

test('where sendfile cannot be loaded, bodies go through buffers and the log says so once', async (t) => {
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const broken = () => {
    throw new Error('no such addon')
  }
  const sendfile = new Sendfile({ ...silentLog, warn }, broken)
  const { url } = await serve(t, sendfile)
  for (const file of [0, 1]) {
    await using response = await rawRequest(`${url}/${file}`)
    const { bytes, ending } = await response.take({ expect: { bytes: FILES[file] ?? FILE } })
    assert.deepEqual([bytes, ending], [SIZE, 'complete'])
  }
  const expected = process.platform === 'linux' ? [/sendfile cannot be used: .*no such addon/] : []
  assert.equal(warnings.length, expected.length)
  for (const [n, pattern] of expected.entries()) assert.match(warnings[n] ?? '', pattern)
})
