// What people get wrong with `regmirror warm`, told by the built program before it does anything.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, suite, test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { TempFolder } from '../support/temp-folder.ts'

const folder = new TempFolder('warm-usage')
after(() => folder.close())

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly lines: readonly string[]
}

/** In a folder of its own, with nothing of the tester's environment but PATH. */
function warm(args: readonly string[], input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(binaryPath(), ['warm', ...args], {
    cwd: folder.path,
    encoding: 'utf8',
    input,
    timeout: 30_000,
    env: { PATH: process.env['PATH'], HOME: folder.path },
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
      /^regmirror: there is no file miror\.txt; did you mean mirror\.txt\?$/,
    )
    refuses(warm(['./nightly', '--data', data]), /no file \.\/nightly/)
    refuses(warm(['mirror.tx', '--data', data]), /did you mean mirror\.txt\?/)
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
  const args = ['nginx:1.25', '--offline', '--data', folder.join('offline'), '--report', report]
  const { code, stdout, lines } = warm([...args, '--json'])
  assert.equal(code, 3, lines.join('\n'))
  assert.deepEqual(JSON.parse(stdout), JSON.parse(readFileSync(report, 'utf8')))
  const { schema, outcome } = JSON.parse(stdout) as { schema: string; outcome: string }
  assert.deepEqual([schema, outcome], ['regmirror.warm/1', 'nothing'])
  const again = lines.find((line) => line.startsWith('try again with: '))
  assert.match(again ?? '', /regmirror warm --data \S+ \S+warm-failed\.txt$/)
})

test('a program that reads the progress is given JSON in every line', () => {
  const args = ['nginx:1.25', '--offline', '--data', folder.join('offline')]
  const { code, lines } = warm([...args, '--progress', 'json'])
  assert.equal(code, 3)
  const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind)
  assert.equal(kinds[0], 'notice')
  assert.equal(kinds.at(-1), 'ended')
})
