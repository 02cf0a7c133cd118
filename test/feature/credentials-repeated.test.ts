// Servers that repeat what they were sent: no password and no token of it comes into our words.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  BASIC,
  PASSWORD,
  RIGHT,
  assertNoSecret,
  bearerOf,
  byPassword,
  credentials,
  guarded,
  tokenServer,
} from './login-servers.ts'
import type { TokenQuestion } from './login-servers.ts'
import {
  BLOB_DIGEST,
  NAME,
  SILENT,
  TAG,
  registryOf,
  sendError,
  sendJson,
  serve,
} from './upstream-server.ts'
import type { Server } from './upstream-server.ts'

const TOKEN = 'eyJhbGciOi.Tr0ub4dor-of-the-token'
/** Longer than what we quote; the secrets then begin before its end. */
const FILL = 'x'.repeat(190)
const STATUSES = [401, 403, 418, 500] as const

function echoOf(request: Pick<IncomingMessage, 'headers'>): string {
  const sent = request.headers.authorization?.split(' ')[1]
  const forms = [PASSWORD, encodeURIComponent(PASSWORD), JSON.stringify(PASSWORD), sent]
  return `not today: ${forms.join(' ')}`
}

/** Everything that anybody is told after a manifest and a blob were asked for. */
async function wordsAbout(t: TestContext, registry: Server): Promise<string[]> {
  const told: string[] = []
  const events = {
    ...SILENT,
    leftAlone: ({ because }: { because: string }) => void told.push(because),
    loginTrouble: (_: string, trouble: string) => void told.push(trouble),
  }
  const options = { settings: { credentials: credentials(RIGHT) }, events }
  const upstream = registryOf(t, [registry.url], options)
  for (const ask of [
    () => upstream.getManifest(NAME, TAG),
    () => upstream.openBlob(NAME, BLOB_DIGEST),
  ]) {
    const error = await ask().catch((caught: Error) => caught)
    assert.ok(error instanceof Error)
    told.push(error.message, String(error.stack), JSON.stringify(error))
  }
  return [...told, JSON.stringify(upstream.status())]
}

type Say = (request: IncomingMessage, response: ServerResponse, status: number) => void

const WAYS_TO_SAY: readonly (readonly [string, Say])[] = [
  [
    'in the errors document',
    (request, response, status) => sendError(response, status, {}, echoOf(request)),
  ],
  [
    'in plain text',
    (request, response, status) =>
      void response.writeHead(status, { 'content-type': 'text/plain' }).end(echoOf(request)),
  ],
  [
    'where the text is cut',
    (request, response, status) => {
      const [start, secret] = [FILL, request.headers.authorization?.split(' ')[1] ?? '']
      sendError(response, status, {}, `${start} ${request.method === 'GET' ? secret : PASSWORD}`)
    },
  ],
  [
    'where the text is cut, the password',
    (_request, response, status) => sendError(response, status, {}, `${FILL} ${PASSWORD}`),
  ],
]

for (const [where, say] of WAYS_TO_SAY) {
  for (const status of STATUSES) {
    test(`Basic: ${status} of the registry that repeats the login ${where}`, async (t) => {
      const registry = await serve(t, (request, response) => {
        if (request.headers.authorization !== BASIC) {
          return sendError(response, 401, { 'www-authenticate': 'Basic realm="x"' })
        }
        if (request.url === '/v2/') return sendJson(response, {})
        say(request, response, status)
      })
      const words = await wordsAbout(t, registry)
      assertNoSecret(...words)
      assert.match(words.join('\n'), /not today: \*\*\*|x \*\*\*/)
    })

    test(`Basic: ${status} to the try of the login that repeats it ${where}`, async (t) => {
      const registry = await serve(t, (request, response) => {
        if (request.headers.authorization !== undefined) return say(request, response, status)
        sendError(response, 401, { 'www-authenticate': 'Basic realm="x"' })
      })
      assertNoSecret(...(await wordsAbout(t, registry)))
    })

    test(`Bearer: ${status} of the registry that repeats the token ${where}`, async (t) => {
      const tokens = await tokenServer(t, () => [200, { token: TOKEN }])
      const registry = await serve(t, (request, response) => {
        if (request.headers.authorization !== undefined) return say(request, response, status)
        sendError(response, 401, { 'www-authenticate': bearerOf(tokens) })
      })
      assertNoSecret(...(await wordsAbout(t, registry)))
    })
  }
}

for (const status of STATUSES) {
  for (const fill of ['', `${FILL} `]) {
    const length = fill === '' ? '' : ', across the cut'
    test(`${status} of the token server that repeats the login${length}`, async (t) => {
      const answer = (question: TokenQuestion) => {
        const { authorization } = question
        if (authorization === undefined) return byPassword(question)
        return [status, { message: `${fill}${echoOf({ headers: { authorization } })}` }] as const
      }
      const tokens = await tokenServer(t, answer)
      const registry = await guarded(t, { challenge: bearerOf(tokens), admits: () => false })
      const words = await wordsAbout(t, registry)
      assertNoSecret(...words)
    })
  }
}

test('an anonymous token that the registry repeats is not told either', async (t) => {
  const tokens = await tokenServer(t, () => [200, { token: TOKEN }])
  const registry = await serve(t, (request, response) => {
    if (request.headers.authorization !== undefined) {
      return sendError(response, 500, {}, `cannot verify ${TOKEN}`)
    }
    sendError(response, 401, { 'www-authenticate': bearerOf(tokens) })
  })
  const upstream = registryOf(t, [registry.url])
  const error = await upstream.getManifest(NAME, TAG).catch((caught: Error) => caught)
  assert.ok(error instanceof Error)
  assertNoSecret(error.message)
  assert.match(error.message, /cannot verify \*\*\*$/)
})
