// What people get wrong with `regmirror warm`, told by the built program before it does anything.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, suite, test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { buildImage } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { tooManyRequests } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { TempFolder } from '../support/temp-folder.ts'

const folder = new TempFolder('warm-usage')
after(() => folder.close())

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly lines: readonly string[]
}

/** In a folder of its own, with nothing of the tester's environment but PATH. */
function warm(args: readonly string[], input = '', env = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(binaryPath(), ['warm', ...args], {
    cwd: folder.path,
    encoding: 'utf8',
    input,
    timeout: 30_000,
    env: { PATH: process.env['PATH'], HOME: folder.path, ...env },
  })
  return { code: status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

const data = folder.join('data')

function refuses(outcome: Outcome, ...sentences: readonly RegExp[]): void {
  const said = outcome.lines.join('\n')
  assert.equal(outcome.code, 2, said)
  assert.equal(outcome.stdout, '')
  assert.equal(outcome.lines.length, sentences.length, said)
  sentences.forEach((sentence, index) => assert.match(outcome.lines[index] ?? '', sentence))
  assert.ok(!existsSync(data), 'no store was begun')
}

suite('a list that cannot be understood', () => {
  test('every mistake is told with its place, and nothing is done', () => {
    writeFileSync(
      folder.join('bad.txt'),
      '# office\r\nnginx:1.25\r\nkindest/node^v1\r\nRedis:7 platform=linux/amd64\r\n',
    )
    refuses(
      warm(['bad.txt', '--data', data]),
      /^regmirror: bad\.txt:3:13: a ":" is missing .*"kindest\/node:\^v1"$/,
      /^regmirror: bad\.txt:4:1: .* write "redis:7"$/,
      /^regmirror: bad\.txt:4:9: "platform" is not an option; did you mean platforms\?$/,
      /^regmirror: 3 problems in bad\.txt: nothing was done$/,
    )
  })

  test('from the standard input and from the command line too', () => {
    refuses(
      warm(['-', 'nginx:1.25:2', '--data', data], 'http://10.0.0.5/app\n'),
      /standard input:1:1: .*--registry 10\.0\.0\.5=http:\/\/10\.0\.0\.5/,
      /command line:1:11: this is the second ":"/,
      /2 problems in standard input, command line: nothing was done/,
    )
  })

  test('one that says nothing is none', () => {
    refuses(warm(['-', '--data', data], '# later\n\n'), /no image in the list: write one/)
  })
})

suite('a file that is no list', () => {
  test('a misspelt name is no image', () => {
    writeFileSync(folder.join('mirror.txt'), 'nginx\n')
    refuses(
      warm(['miror.txt', '--data', data]),
      /^regmirror: there is no file miror\.txt, and it names no image; did you mean mirror\.txt\?$/,
    )
    refuses(warm(['./nightly', '--data', data]), /no file \.\/nightly/)
    refuses(warm(['mirror.tx', '--data', data]), /did you mean mirror\.txt\?/)
    refuses(warm(['mirror.lst', '--data', data]), /no file mirror\.lst, and it names no image;/)
  })

  test('a name that would command the terminal is only shown', () => {
    refuses(warm(['evil\u001b[2J\u202e\nname.txt', '--data', data]), /no file evil name\.txt /)
  })

  test('a folder and a program are told by what they are', () => {
    mkdirSync(folder.join('lists.txt'))
    writeFileSync(folder.join('program'), '\x7fELF\0\0')
    refuses(
      warm(['lists.txt', 'program', '--data', data]),
      /lists\.txt is a folder: name the list in it/,
      /program is a binary file/,
    )
  })
})

suite('a command that cannot be meant', () => {
  test('without a list', () => {
    refuses(warm([]), /name a list or images: regmirror warm mirror\.txt$/)
  })

  test('every problem of its options is told at once', () => {
    refuses(
      warm([
        ...['nginx', '--jobs', '0', '--until', '25:00', '--bandwidth', '40', '--platfrom', 'all'],
        ...['--plan', '--detach', '--data', data],
      ]),
      /--platfrom is not an option; did you mean --platform\?/,
      /--jobs: "0"/,
      /--bandwidth: "40"/,
      /--until: "25:00"/,
      /--plan and --detach contradict each other/,
    )
    refuses(warm(['--last', '3', 'nginx', '--data', data]), /--last shows earlier runs/)
  })

  test('a report that could not be written is told before the run', () => {
    refuses(
      warm(['nginx', '--report', 'none/report.json', '--data', data]),
      /--report: the folder none for none\/report\.json does not exist/,
    )
  })

  test('a run that nobody would do', () => {
    refuses(warm(['nginx', '--detach', '--data', data]), /there is no store in .*data/)
  })

  test('the last runs of a store that is not there', () => {
    refuses(warm(['--last', '--data', data]), /there is no store in .*data/)
  })
})

test('--help tells every exit code', () => {
  const { code, stdout } = warm(['--help'])
  assert.equal(code, 0)
  for (const exitCode of [0, 1, 2, 3, 4, 5, 130]) {
    assert.match(stdout, new RegExp(`^ {2}${exitCode} +\\S`, 'm'))
  }
})

test('data goes to stdout and the report to its file, and both say the same', () => {
  const report = folder.join('report.json')
  // Declared offline: nothing is dialled, so nothing can be done.
  const offline = folder.join('offline.txt')
  writeFileSync(offline, 'nginx:1.25\n')
  const args = [offline, '--offline', '--data', folder.join('offline'), '--report', report]
  const { code, stdout, lines } = warm([...args, '--json'])
  assert.equal(code, 3, lines.join('\n'))
  assert.deepEqual(JSON.parse(stdout), JSON.parse(readFileSync(report, 'utf8')))
  const { schema, outcome } = JSON.parse(stdout) as { schema: string; outcome: string }
  assert.deepEqual([schema, outcome], ['regmirror.warm/1', 'nothing'])
  const again = lines.find((line) => line.startsWith('try again with: '))
  assert.match(again ?? '', /regmirror warm --data \S+ \S+warm-failed\.txt$/)
})

test('a plan begins no store, and leaves nothing where it was made', () => {
  const temporary = folder.join('temporary')
  mkdirSync(temporary)
  for (const mode of ['--plan', '--check']) {
    const args = ['nginx:1.25', '--offline', mode, '--data', data]
    const { code, lines } = warm(args, '', { TMPDIR: temporary })
    assert.equal(code, 3, lines.join('\n'))
    assert.match(lines[0] ?? '', /data holds no store yet: so far nothing is held$/)
  }
  assert.ok(!existsSync(data))
  assert.deepEqual(readdirSync(temporary), [])
})

interface JsonLine {
  readonly kind: string
  readonly text?: string
}

function parsed(lines: readonly string[]): JsonLine[] {
  return lines.map((line) => JSON.parse(line) as JsonLine)
}

// One image, of a registry that has it; to be told what else to do.
async function begun(command: (binary: string, args: readonly string[]) => Program) {
  await using stack = new AsyncDisposableStack()
  const upstream = stack.use(await ScriptedUpstream.start())
  upstream.addImage('library/app', '1', buildImage({ seed: 'usage', form: 'oci' }))
  const temp = stack.use(new TempFolder('warm-usage-run'))
  const where = ['--data', temp.join('data'), '--min-free', '0B']
  const settings = ['--platform', 'linux/amd64', '--registry', `docker.io=${upstream.url}`]
  const program = command(binaryPath(), ['warm', 'app:1', ...where, ...settings])
  stack.defer(() => program.stop('SIGKILL').then(() => {}))
  return Object.assign(stack.move(), { upstream, program })
}

suite('a program that reads the progress is given JSON in every line', () => {
  test('of a run that could not be done', () => {
    const args = ['nginx:1.25', '--offline', '--data', folder.join('offline')]
    const { code, lines } = warm([...args, '--progress', 'json'])
    assert.equal(code, 3)
    const kinds = parsed(lines).map(({ kind }) => kind)
    assert.equal(kinds[0], 'notice')
    assert.equal(kinds.at(-1), 'ended')
  })

  test('of what is refused', () => {
    for (const args of [['absent.txt'], ['nginx', '--jobs', '0'], ['a:b:c'], []]) {
      const { code, lines } = warm([...args, '--data', data, '--progress', 'json'])
      assert.equal(code, 2)
      assert.deepEqual([...new Set(parsed(lines).map(({ kind }) => kind))], ['error'])
    }
  })

  test('of a report that cannot be written', () => {
    const args = ['nginx:1.25', '--offline', '--data', folder.join('offline')]
    const { code, lines } = warm([...args, '--report', '/dev/full', '--progress', 'json'])
    assert.equal(code, 3)
    const [ended, error] = parsed(lines).slice(-2)
    assert.deepEqual([ended?.kind, error?.kind], ['ended', 'error'])
  })

  test('of a registry that refuses, and of Ctrl-C', { timeout: 60_000 }, async () => {
    await using run = await begun(
      (binary, args) => new Program(binary, [...args, 'busy:1', '--progress', 'json']),
    )
    const { program, upstream } = run
    upstream.script({ path: '/library/busy/', reply: tooManyRequests(60) })
    await program.waitForLine(/too many requests/)
    program.signal('SIGINT')
    assert.equal((await program.exited).code, 130, program.report())
    const lines = parsed(program.lines.stderr)
    const notices = lines.filter(({ kind }) => kind === 'notice').map(({ text }) => text)
    assert.ok(notices.some((text) => text?.startsWith('stopping in good order')))
    assert.equal(lines.at(-1)?.kind, 'ended')
  })
})

test('where the command owns the store, a refusal is told once', { timeout: 60_000 }, async () => {
  await using run = await begun((binary, args) => new Program(binary, [...args, 'busy:1']))
  const { program, upstream } = run
  upstream.script({ path: '/library/busy/', times: 1, reply: tooManyRequests(1) })
  assert.equal((await program.exited).code, 1)
  assert.match(program.stderr, /busy:1 does not exist/)
  assert.doesNotMatch(program.stderr, /^\d\d:\d\d:\d\d /m, 'a line of a log')
})

test('two signals of one Ctrl-C are one', { timeout: 60_000 }, async () => {
  await using run = await begun((binary, args) => new Program(binary, [...args, 'busy:1']))
  const { program, upstream } = run
  upstream.script({ path: '/library/busy/', reply: tooManyRequests(60) })
  await program.waitForLine(/too many requests/)
  program.signal('SIGINT')
  program.signal('SIGTERM')
  const { code } = await program.exited
  assert.ok(code === 130 || code === 143, program.report())
  assert.match(program.stderr, /the same command goes on from there/)
})

suite('a report that cannot be written takes nothing away', () => {
  const KEPT = /cannot be written \(ENOSPC\): the run is kept, see regmirror warm --last 1 --json$/

  test('what came of the run is told first, and its exit code stays', () => {
    const args = ['nginx:1.25', '--offline', '--data', folder.join('offline')]
    const { code, lines } = warm([...args, '--report', '/dev/full'])
    assert.equal(code, 3)
    assert.match(lines.at(-1) ?? '', /^regmirror: the report \/dev\/full cannot/)
    assert.match(lines.at(-1) ?? '', KEPT)
    assert.ok(lines.some((line) => line.startsWith('nothing could be done: ')))
  })

  test('of a run that did all, only that is to complain of', { timeout: 60_000 }, async () => {
    await using run = await begun((binary, args) => {
      const words = ['-c', 'exec "$0" "$@" >/dev/full', binary, ...args, '--json']
      return new Program('sh', words)
    })
    const { program } = run
    assert.equal((await program.exited).code, 1, program.report())
    assert.ok(program.lines.stderr.some((line) => line.startsWith('warmed 1 of 1 image ')))
    assert.equal(program.lines.stderr.filter((line) => KEPT.test(line)).length, 1)
    assert.match(program.lines.stderr.at(-1) ?? '', KEPT)
  })
})
