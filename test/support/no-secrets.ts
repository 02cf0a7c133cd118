// What no test may leave behind: a password, a token or a key of its configuration, in whatever form
// it would have been sent, in a log, an answer or the data folder.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../../src/config/config.ts'

// Those that are long enough not to be found by chance.
const SECRET_MIN_LENGTH = 6
// Where logins and keys belong, and blobs, which are what upstream gave.
const OWN_PLACES = /^(?:credentials\.json|tls\/.*|blobs\/.*|staging\/.*|quarantine\/.*|native\/.*)$/

// Every form of every secret of a configuration.
export function secretsOf(config: Config): string[] {
  const registries = [...config.registries.values()]
  const logins = registries.flatMap(({ credentials, proxy }) => [
    ...(credentials?.kind === 'login'
      ? [[credentials.username, credentials.password.reveal()] as const]
      : []),
    ...(proxy instanceof URL && proxy.password !== ''
      ? [[decoded(proxy.username), decoded(proxy.password)] as const]
      : []),
  ])
  const keys = registries.flatMap(({ clientCertificate }) =>
    keyLines(clientCertificate?.key.reveal()),
  )
  return [...logins.flatMap(([user, password]) => formsOf(user, password)), ...keys]
}

// A `%` that begins no code stands for itself, as in the mirror.
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (codes) => decodeURIComponent(codes))
}

export function formsOf(user: string, password: string): string[] {
  const forms = [
    password,
    encodeURIComponent(password),
    JSON.stringify(password).slice(1, -1),
    Buffer.from(`${user}:${password}`).toString('base64'),
  ]
  return [...new Set(forms)].filter(({ length }) => length >= SECRET_MIN_LENGTH)
}

function keyLines(pem = ''): string[] {
  return pem.split('\n').filter((line) => line.length > 40)
}

export function assertNoSecret(secrets: readonly string[], text: string, where: string): void {
  for (const secret of secrets) {
    assert.ok(!text.includes(secret), `${where} holds a secret of the configuration`)
  }
}

export function assertNoSecretInFolder(secrets: readonly string[], folder: string): void {
  if (secrets.length === 0 || !existsSync(folder)) return
  for (const name of globSync('**', { cwd: folder })) {
    const file = path.join(folder, name)
    if (OWN_PLACES.test(name) || !statSync(file).isFile()) continue
    assertNoSecret(secrets, readFileSync(file, 'latin1'), file)
  }
}
