// The built program at the terminal: what it prints, where, and its exit codes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, suite, test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { listen } from '../support/net-ports.ts'
import { Program } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'

const NOBODY = 65_534
const folder = new TempFolder('cli')
after(() => folder.close())

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly lines: readonly string[]
}

type Environment = Readonly<Record<string, string>>

/** With nothing of the tester's environment but PATH. */
function regmirror(args: readonly string[], env: Environment = {}, uid?: number): Outcome {
  const { status, stdout, stderr } = spawnSync(
    uid === undefined ? binaryPath() : copyForAll(),
    args,
    {
      cwd: folder.path,
      encoding: 'utf8',
      timeout: 20_000,
      env: { PATH: process.env['PATH'], HOME: folder.path, ...env },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  )
  return { code: status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

/** Another user may not be able to reach the built one. */
function copyForAll(): string {
  const copy = folder.join('regmirror')
  chmodSync(folder.path, 0o755)
  copyFileSync(binaryPath(), copy)
  chmodSync(copy, 0o755)
  return copy
}

function refuses(outcome: Outcome, ...sentences: readonly RegExp[]): void {
  const said = outcome.lines.join('\n')
  assert.equal(outcome.code, 2, said)
  assert.equal(outcome.stdout, '')
  assert.equal(outcome.lines.length, sentences.length, said)
  sentences.forEach((sentence, index) => assert.match(outcome.lines[index] ?? '', sentence))
}

suite('help', () => {
  test('--version prints the version alone', () => {
    const { code, stdout, lines } = regmirror(['--version'])
    assert.equal(code, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
    assert.deepEqual(lines, [])
  })

  test('--help shows the commands and examples', () => {
    const { code, stdout } = regmirror(['--help'])
    assert.equal(code, 0)
    for (const part of [/regmirror serve/, /regmirror config/, /Examples:/])
      assert.match(stdout, part)
  })

  test('serve --help shows every option with its default', () => {
    const { code, stdout } = regmirror(['serve', '--help'])
    assert.equal(code, 0)
    assert.match(stdout, /--listen .*\[default:\s+0\.0\.0\.0:5000\]/)
    assert.match(stdout, /--tag-ttl/)
  })

  test('completion prints a script', () => {
    const { code, stdout, lines } = regmirror(['completion'], { SHELL: '/bin/bash' })
    assert.equal(code, 0)
    assert.match(stdout, /complete .*regmirror/)
    assert.deepEqual(lines, [])
  })
})

suite('wrong usage is one sentence each and exit code 2', () => {
  test('no command, an unknown one, a word too many', () => {
    refuses(
      regmirror([]),
      /name a command: serve, warm, list, ls, rm, gc, verify, stats, login, logout, credentials, config/,
    )
    refuses(regmirror(['serv']), /"serv" is not a command; did you mean serve\?/)
    refuses(regmirror(['config', 'x']), /"x" is one word too many for config/)
  })

  test('options, units, addresses and registries, all at once', () => {
    refuses(
      regmirror(
        ['serve', '--tag-tll', '5m', '--listen', 'x', '--stale-after=5', '--registry', 'a.b=x'],
        { REGMIRROR_LSITEN: '5000' },
      ),
      /--tag-tll is not an option; did you mean --tag-ttl\?/,
      /REGMIRROR_LSITEN is not a variable .*; did you mean REGMIRROR_LISTEN\?/,
      /--listen: "x" is not an address to listen on/,
      /--registry: "x" is not a URL/,
      /--stale-after: "5" is not a duration with its unit/,
    )
  })

  test('a size limit in which nothing could be stored', () => {
    refuses(regmirror(['serve', '--max-size', '5MiB']), /too little to store images in/)
  })

  test('a wrong key in the file, with its line', () => {
    const file = folder.join('wrong.yaml')
    writeFileSync(file, '\nlistn: 5000\n')
    refuses(
      regmirror(['config', '--config', file]),
      /wrong\.yaml: listn \(line 2\): .*did you mean listen\?/,
    )
  })

  test('credentials in a URL are not repeated', () => {
    const outcome = regmirror(['serve', '--registry', 'a.b=https://user:hunter2@c'])
    refuses(outcome, /credentials in URLs are not accepted/)
    assert.doesNotMatch(outcome.lines.join(''), /hunter2/)
  })

  test('a password is refused as a flag, and is not repeated', () => {
    const outcome = regmirror(['serve', '--credentials', 'ghcr.io=user:hunter2'])
    refuses(outcome, /--credentials: a password does not belong on the command line/)
    assert.doesNotMatch(outcome.lines.join(''), /hunter2/)
  })

  test('no stack, unless --debug', () => {
    assert.doesNotMatch(regmirror(['serve', '--listen', 'x']).lines.join('\n'), /^\s+at /m)
    assert.match(regmirror(['serve', '--listen', 'x', '--debug']).lines.join('\n'), /^\s+at /m)
  })
})

suite('what cannot be served is one sentence and exit code 2', () => {
  const data = folder.join('data')
  const serve = (...args: string[]) => regmirror(['serve', '--data', data, ...args])

  test('a port in use', async () => {
    const server = createServer()
    const port = await listen(server)
    const outcome = serve('--listen', `127.0.0.1:${port}`)
    const own = ['--registry-listen', `ghcr.io=127.0.0.1:${port}`]
    const ofRegistry = serve('--listen', '127.0.0.1:0', ...own)
    server.close()
    refuses(ofRegistry, new RegExp(`another port with --registry-listen ghcr\\.io=:${port + 1}`))
    refuses(
      outcome,
      new RegExp(`port ${port} is in use on 127\\.0\\.0\\.1: stop .* --listen :${port + 1}`),
    )
  })

  test('an address of another machine, an unknown host name', () => {
    refuses(serve('--listen', '192.0.2.77:0'), /192\.0\.2\.77 is not an address of this machine/)
    refuses(
      serve('--listen', 'nowhere.invalid:0'),
      /host name nowhere\.invalid to listen on is not known/,
    )
  })

  test('a data folder that is a file, or below one', () => {
    writeFileSync(folder.join('file'), '')
    const at = (path: string) => regmirror(['serve', '--data', path])
    refuses(at(folder.join('file')), /--data: the folder .* cannot be used: .* is a file/)
    refuses(at(folder.join('file', 'x')), /--data: the folder .* cannot be used: .* is a file/)
    refuses(at('/proc/regmirror'), /--data: the folder \/proc\/regmirror cannot be used/)
  })

  test('a data folder of another user', (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can become another user')
    mkdirSync(folder.join('private'), { mode: 0o700 })
    const env = { REGMIRROR_DATA: folder.join('private') }
    refuses(
      regmirror(['serve'], env, NOBODY),
      /REGMIRROR_DATA: the folder .* cannot be used: user 65534 may not write there \(EACCES\)/,
    )
  })

  test('no HOME to find a data folder by', (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can become another user')
    refuses(regmirror(['serve'], { HOME: '' }, NOBODY), /HOME is not set: name one with --data DIR/)
  })
})

suite('config', () => {
  test('prints values and origins as YAML that it reads again', () => {
    const args = ['config', '--listen', ':5001', '--registry', 'alias:lab=http://10.0.0.5:5000']
    const { code, stdout, lines } = regmirror(args, { REGMIRROR_TAG_TTL: '2m' })
    assert.equal(code, 0, lines.join('\n'))
    assert.deepEqual(lines, [])
    assert.match(stdout, /^listen: 0\.0\.0\.0:5001 {2}# --listen$/m)
    assert.match(stdout, /^ {2}- 2m {2}# REGMIRROR_TAG_TTL$/m)
    writeFileSync(folder.join('printed.yaml'), stdout)
    const again = regmirror(['config'], { REGMIRROR_CONFIG: folder.join('printed.yaml') })
    assert.equal(again.stdout.replaceAll(/ {2}# .*/g, ''), stdout.replaceAll(/ {2}# .*/g, ''))
  })

  test('hides passwords, wherever they stand', () => {
    const file = folder.join('secrets.yaml')
    writeFileSync(file, 'registries: {ghcr.io: {credentials: {username: u, password: hunter2}}}')
    chmodSync(file, 0o644)
    const env = {
      https_proxy: 'http://u:hunter2@proxy',
      REGMIRROR_PROXY: 'quay.io=http://u:hunter2@p',
    }
    for (const more of [[], ['--json']]) {
      const { code, stdout, lines } = regmirror(['config', '--config', file, ...more], env)
      assert.equal(code, 0, lines.join('\n'))
      assert.match(stdout, /\(hidden\)/)
      assert.doesNotMatch(stdout + lines.join(''), /hunter2/)
      assert.match(
        lines.join(),
        /secrets\.yaml: .*: holds a password, and others on this machine may/,
      )
    }
  })

  test('--json', () => {
    const { code, stdout } = regmirror(['config', '--json'])
    assert.equal(code, 0)
    const printed = JSON.parse(stdout) as Record<string, { value: unknown; origin: unknown }>
    assert.deepEqual(printed['listen'], { value: '0.0.0.0:5000', origin: 'default' })
  })

  test('./regmirror.yaml is read unasked', () => {
    const place = folder.join('place')
    mkdirSync(place)
    writeFileSync(`${place}/regmirror.yaml`, 'listen: 5009')
    const { stdout } = spawnSync(binaryPath(), ['config'], { cwd: place, encoding: 'utf8' })
    assert.match(stdout, /^listen: 0\.0\.0\.0:5009 {2}# regmirror\.yaml: listen \(line 1\)$/m)
  })
})

suite('serve', () => {
  const started = (...args: string[]) =>
    new Program(binaryPath(), ['serve', '--data', folder.join('served'), ...args])

  test('says where it listens, where it stores, its budget, and the line for Docker', async () => {
    await using program = started('--listen', '127.0.0.1:0')
    await program.waitForLine(/"registry-mirrors": \["http:\/\/127\.0\.0\.1:\d+"\]/)
    assert.match(program.stderr, /listening on +http:\/\/127\.0\.0\.1:[1-9]/)
    assert.ok(program.stderr.includes(folder.join('served')))
    assert.match(program.stderr, /size limit +NONE: .* fill the disk/)
    const { code } = await program.stop('SIGTERM')
    assert.equal(code, 0)
    assert.match(program.stderr, /draining: 0 responses still running \(again to stop at once\)/)
    assert.equal(program.stdout, '')
  })

  test('--log json writes nothing but JSON lines', async () => {
    await using program = started('--listen', '127.0.0.1:0', '--log', 'json')
    await program.waitForLine(/"msg":"serving"/)
    const { code } = await program.stop('SIGINT')
    assert.equal(code, 0)
    for (const line of program.lines.stderr) assert.doesNotThrow(() => void JSON.parse(line), line)
  })
})
