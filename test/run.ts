// Starts the tests: `npm test`, or `npm test -- unit/range e2e` for the files whose path has a word.
// With `--on bun` or `--on deno`: only what goes through a whole mirror, and the mirror runs there.
import { spawnSync } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { provideClients } from './setup-clients.ts'
import { isRuntime, provideRuntime, RUNTIMES } from './support/runtimes.ts'

type Result = { readonly name: string; readonly passed: boolean }

// A test that hangs fails by its name, not by whatever stops the whole run.
const timeout = `--test-timeout=${10 * 60_000}`

const root = path.join(import.meta.dirname, '..')
process.chdir(root)

const { values: given, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { on: { type: 'string', multiple: true, default: [] } },
})
const files = globSync('test/**/*.test.ts')
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort()
// These start the built program and real clients.
const endToEnd = files.filter((file) => file.startsWith('test/e2e/'))
const inProcess = files.filter((file) => !endToEnd.includes(file))
// Of those: time, memory, and what a kernel has not read or written yet, depend on what else runs.
const MEASURING = ['herd', 'kill', 'memory', 'power-loss', 'shutdown', 'warm-live', 'warm-resume']
const alone = endToEnd.filter((file) => MEASURING.includes(path.basename(file, '.test.ts')))
// What goes through a whole mirror in process is run a second time through the built program, which
// cannot be given a disk that fails.
const throughMirror = inProcess.filter((file) => {
  const text = readFileSync(file, 'utf8')
  return text.includes('/support/test-mirror.ts') && !text.includes('/support/failing-disk.ts')
})

if (files.length === 0) fail(`no test file has ${words.join(' or ')} in its path`)

const seed = process.env.REGMIRROR_SEED ?? String(randomInt(2 ** 31))
process.env.REGMIRROR_SEED = seed
say(`seed ${seed} (REGMIRROR_SEED=${seed} npm test repeats this run)`)
// Every file of those that are named, or in a long run; else each by the throw of a coin.
const isSampled = words.length === 0 && Number(process.env.REGMIRROR_CAMPAIGN ?? 1) < 2
const onBinary = throughMirror.filter((file) => !isSampled || isChosen(file))

const results = given.on.length > 0 ? given.on.map(onRuntime) : onNode()
for (const { name } of results.filter(({ passed }) => !passed)) say(`${name} failed (seed ${seed})`)
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1

function onNode(): Result[] {
  if (endToEnd.length > 0) provideForEndToEnd()
  const together = endToEnd.filter((file) => !alone.includes(file))
  return [
    { name: 'in-process tests', passed: run(inProcess, 2) },
    {
      name: 'the same on the built program',
      passed: run(onBinary, 2, { REGMIRROR_FEATURES_ON: 'binary' }),
    },
    { name: 'end-to-end tests', passed: run(together, 2) },
    { name: 'end-to-end tests that measure', passed: run(alone, 1) },
  ]
}

function onRuntime(name: string): Result {
  if (!isRuntime(name)) fail(`--on ${name}: it is ${RUNTIMES.join(' or ')}`)
  const missing = provideRuntime(name, say)
  if (missing !== undefined) fail(missing)
  const passed = run(throughMirror, 2, { REGMIRROR_FEATURES_ON: name })
  return { name: `tests through a mirror on ${name}`, passed }
}

function provideForEndToEnd(): void {
  // Debian keeps some of the clients where only root's PATH looks.
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`
  const missing = provideClients(say)
  if (missing === undefined) return
  if (process.env.CI === 'true') fail(`${missing}, and with CI=true no client may be left out`)
  process.env.REGMIRROR_SKIP_CLIENTS = missing
  say(`tests with real clients are skipped: ${missing}`)
}

function run(group: string[], concurrency: number, more: NodeJS.ProcessEnv = {}): boolean {
  if (group.length === 0) return true
  const which = Object.entries(more).map(([name, value]) => `${name}=${value} `)
  say(`${which.join('')}${group.length} files, ${concurrency} at a time`)
  const options = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, timeout]
  return (
    spawnSync(process.execPath, [...options, ...group], {
      stdio: 'inherit',
      env: { ...process.env, ...more },
    }).status === 0
  )
}

function isChosen(file: string): boolean {
  const hash = createHash('sha256').update(`${seed} ${file}`).digest()
  return hash.readUInt8() % 2 === 0
}

function say(line: string): void {
  console.error(`test: ${line}`)
}

function fail(reason: string): never {
  say(reason)
  process.exit(1)
}
