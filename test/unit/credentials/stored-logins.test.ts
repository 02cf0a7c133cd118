// The file of stored logins, which several processes may change at once.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import {
  removeLogin,
  storeLogin,
  storedLoginsPath,
} from '../../../src/credentials/stored-logins.ts'
import { Secret } from '../../../src/lib/secret.ts'
import type { Login } from '../../../src/upstream/login.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const folder = new TempFolder('stored')
after(() => folder.close())

const LOGIN: Login = { kind: 'password', username: 'me', password: new Secret('word') }

function dataFolder(): string {
  return new TempFolder('data', folder.path).path
}

function registriesIn(data: string): string[] {
  const { auths } = JSON.parse(readFileSync(storedLoginsPath(data), 'utf8')) as { auths: object }
  return Object.keys(auths).sort()
}

/** As a writer leaves it that is killed while it writes. */
function abandonDraft(data: string, name: string, ageSeconds: number): void {
  const draft = `${storedLoginsPath(data)}.${name}`
  writeFileSync(draft, '{"auths":', { mode: 0o600 })
  const at = Date.now() / 1000 - ageSeconds
  utimesSync(draft, at, at)
}

/** Another process, which stores the login of each registry; gives those that it says are stored. */
async function storeElsewhere(data: string, registries: readonly string[]): Promise<string[]> {
  const { href } = new URL('../../../src/', import.meta.url)
  const program = `
    import { storeLogin } from '${href}credentials/stored-logins.ts'
    import { Secret } from '${href}lib/secret.ts'
    const [data, ...registries] = process.argv.slice(1)
    const login = { kind: 'password', username: 'me', password: new Secret('word') }
    await Promise.all(registries.map(async (registry) => {
      await storeLogin(data, registry, login)
      console.log(registry)
    }))`
  const args = ['--input-type=module', '--eval', program, data, ...registries]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return stdout.trim().split('\n')
}

test('sixteen who log in at once, in four processes, after one was killed: none is lost', async () => {
  const data = dataFolder()
  await storeLogin(data, 'kept.test', LOGIN)
  abandonDraft(data, 'new', 60)
  abandonDraft(data, 'killed.new', 3600)
  const processes = Array.from({ length: 4 }, (_, n) =>
    Array.from({ length: 4 }, (_other, m) => `r${n}${m}.test`),
  )
  const said = await Promise.all(processes.map((names) => storeElsewhere(data, names)))
  assert.deepEqual(said.flat().sort(), processes.flat())
  assert.deepEqual(registriesIn(data), ['kept.test', ...processes.flat()])
  assert.deepEqual(readdirSync(data), ['credentials.json'])
})

test('a draft that a clock of tomorrow has dated holds nobody up', async () => {
  const data = dataFolder()
  abandonDraft(data, 'killed.new', -86_400)
  await storeLogin(data, 'a.test', LOGIN)
  assert.deepEqual(registriesIn(data), ['a.test'])
})

test('where nothing was ever stored there is nothing to remove, and no folder is made', async () => {
  const data = `${dataFolder()}/not/there`
  assert.equal(await removeLogin(data, 'a.test'), false)
  assert.equal(existsSync(data), false)
})
