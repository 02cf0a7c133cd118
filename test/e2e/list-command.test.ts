// `regmirror list` on the built program: lists put in form and looked at, and what their lines stand for in a
// real registry.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { after, before, describe, suite, test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import { freePort } from '../support/net-ports.ts'
import { pushImage } from '../support/push-image.ts'
import { TempFolder } from '../support/temp-folder.ts'

const folder = new TempFolder('list-command')
after(() => folder.close())

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly said: string // to people
}

/** In a folder of its own, with nothing of the tester's environment but PATH. */
function list(args: readonly string[], input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(binaryPath(), ['list', ...args], {
    cwd: folder.path,
    encoding: 'utf8',
    input,
    timeout: 30_000,
    env: { PATH: process.env['PATH'], HOME: folder.path },
  })
  return { code: status, stdout, said: stderr }
}

function file(name: string, ...lines: readonly string[]): string {
  writeFileSync(folder.join(name), lines.map((line) => `${line}\n`).join(''))
  return folder.join(name)
}

suite('list fmt', () => {
  test('a list is put in form where it is, and one that is in form is left alone', () => {
    const path = file('kept.txt', 'redis:7 # cache', 'docker.io/nginx', 'nginx')
    chmodSync(path, 0o640)
    symlinkSync('kept.txt', folder.join('link.txt'))
    const first = list(['fmt', 'link.txt'])
    assert.deepEqual([first.code, first.stdout], [0, ''], first.said)
    assert.equal(
      readFileSync(path, 'utf8'),
      'docker.io/library/nginx\ndocker.io/library/redis:7  # cache\n',
    )
    assert.ok(lstatSync(folder.join('link.txt')).isSymbolicLink())
    const { ino, mode } = statSync(path)
    assert.equal(mode & 0o777, 0o640)
    assert.equal(list(['fmt', 'kept.txt']).code, 0)
    assert.equal(statSync(path).ino, ino)
    assert.ok(readdirSync(folder.path).every((name) => !name.includes('partial')))
  })

  test('--check prints what would change and changes nothing', () => {
    const path = file('checked.txt', 'quay.io/b/b', 'quay.io/a/a')
    const { code, stdout, said } = list(['fmt', '--check', 'checked.txt'])
    assert.equal(code, 1)
    assert.match(stdout, /^--- checked\.txt\n\+\+\+ checked\.txt \(formatted\)\n@@ /)
    assert.match(stdout, /^-quay\.io\/b\/b\n quay\.io\/a\/a\n\+quay\.io\/b\/b$/m)
    assert.match(said, /^regmirror: checked\.txt: not formatted/)
    assert.equal(readFileSync(path, 'utf8'), 'quay.io/b/b\nquay.io/a/a\n')
    const sorted = list(['fmt', '-'], 'quay.io/b/b\nquay.io/a/a\n')
    assert.deepEqual([sorted.code, sorted.stdout], [0, 'quay.io/a/a\nquay.io/b/b\n'])
    const input = list(['fmt', '--check', '-'], sorted.stdout)
    assert.deepEqual([input.code, input.stdout, input.said], [0, '', ''])
  })

  test('where one of the lists is wrong none is changed', () => {
    const right = file('right.txt', 'quay.io/b/b', 'quay.io/a/a')
    file('wrong.txt', 'nginx', 'a:b:c')
    const { code, stdout, said } = list(['fmt', 'right.txt', 'wrong.txt', 'gone.txt'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(said, /no file gone\.txt/)
    assert.match(said, /^regmirror: wrong\.txt:2:4: /m)
    assert.match(said, /1 problem in wrong\.txt: nothing was changed/)
    assert.equal(readFileSync(right, 'utf8'), 'quay.io/b/b\nquay.io/a/a\n')
  })

  test('what is no command of list is said with what was perhaps meant', () => {
    assert.match(list(['format']).said, /"format" is no command of list/)
    assert.match(list(['lnt', 'a']).said, /no command of list: there are fmt, lint, explain$/m)
    const mistyped = list(['fmt', '--chek', 'right.txt']).said
    assert.match(mistyped, /--chek is not an option.*--check/)
    assert.doesNotMatch(mistyped, /name a list/)
    assert.equal(list([]).code, 2)
  })
})

suite('lists that are hard to read or to show', () => {
  test('a path that leads nowhere is said as such, without a stack or a code of its own', () => {
    symlinkSync('circle.txt', folder.join('circle.txt'))
    for (const name of ['circle.txt', 'n'.repeat(300)]) {
      const { code, said } = list(['fmt', name])
      assert.equal(code, 2, said)
      assert.match(said, /^regmirror: the list .* cannot be read \((?:ELOOP|ENAMETOOLONG)\)\n$/)
    }
  })

  test('what a comment would do to a terminal is shown, not done', () => {
    file('escape.txt', 'quay.io/b/b', 'quay.io/a/a # \u001B[2Jgone \u202E')
    const { stdout } = list(['fmt', '--check', 'escape.txt'])
    assert.match(stdout, /␛\[2Jgone/)
    assert.doesNotMatch(stdout, /[\u001B\u202E]/)
  })

  test('of what a list includes --fix puts nothing right, and says so', () => {
    file('inner-fix.txt', 'docker pull redis')
    file('outer-fix.txt', '@include inner-fix.txt')
    assert.match(list(['lint', 'outer-fix.txt']).said, /: 1 finding in inner-fix\.txt\n$/)
  })
})

suite('list lint', () => {
  test('what is found is printed with its place, and --fix puts right what is clear', () => {
    const path = file(
      'found.txt',
      'docker pull nginx',
      'k8s.gcr.io/pause:3.9',
      'nginx',
      'other.lan/x',
    )
    const { code, stdout, said } = list(['lint', 'found.txt'])
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^found\.txt:1:1: this is a command: .*\nfound\.txt:2:1: .*\nfound\.txt:4:1: .*other\.lan/,
    )
    assert.match(said, /^regmirror: 3 findings in found\.txt; --fix puts 2 of them right\n$/)
    const fixed = list(['lint', '--fix', 'found.txt', '--json'])
    assert.equal(fixed.code, 1)
    assert.match(fixed.said, /found\.txt:1: docker pull nginx -> nginx\n/)
    const left = JSON.parse(fixed.stdout) as readonly { readonly line: number }[]
    assert.deepEqual(
      left.map(({ line }) => line),
      [3],
    )
    assert.equal(readFileSync(path, 'utf8'), 'nginx\nregistry.k8s.io/pause:3.9\nother.lan/x\n')
    file('found.txt', 'nginx')
    assert.equal(list(['lint', 'found.txt']).code, 0)
  })

  test('a file that cannot be included is a finding among others', () => {
    file('includes.txt', '@include none.txt', 'docker pull nginx', '@include includes.txt')
    const { code, stdout } = list(['lint', 'includes.txt'])
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^includes\.txt:1:10: there is no file none\.txt.*\nincludes\.txt:2:1: .*\nincludes\.txt:3:10: the list includes itself/,
    )
    const fixed = list(['lint', '--fix', '--json', 'includes.txt'])
    const left = JSON.parse(fixed.stdout) as readonly { readonly line: number }[]
    assert.deepEqual([fixed.code, left.map(({ line }) => line)], [1, [1, 3]])
  })

  test('what is put right in one list stays so where another cannot be written', () => {
    const first = file('first.txt', 'docker pull nginx')
    chmodSync(file('kept-as-is.txt', 'docker pull redis'), 0o444)
    const last = file('last.txt', 'docker pull redis')
    const names = ['first.txt', 'kept-as-is.txt', 'last.txt']
    const { code, said } = list(['lint', '--fix', ...names])
    assert.equal(code, 3)
    assert.match(said, /first\.txt:1: .*\n.*kept-as-is\.txt is read-only.*\n.*last\.txt:1: /)
    assert.doesNotMatch(said, /kept-as-is\.txt:1: docker pull redis ->/)
    assert.deepEqual(
      [first, last].map((path) => readFileSync(path, 'utf8')),
      ['nginx\n', 'redis\n'],
    )
    chmodSync(folder.join('kept-as-is.txt'), 0o644)
    file('kept-as-is.txt', 'redis', 'nginx')
    chmodSync(folder.join('kept-as-is.txt'), 0o444)
    const formatted = list(['fmt', ...names])
    assert.equal(formatted.code, 3)
    assert.match(formatted.said, /first\.txt was formatted\n.*read-only.*\n.*last\.txt was/)
  })

  test('a list that --allow names is looked at as one of what may be had', () => {
    const path = file('allowed.txt', 'ghcr.io/org/**', 'ghcr.io/org/app:1', 'nginx', 'nginx:1.25')
    assert.equal(list(['lint', 'allowed.txt']).code, 0)
    const { code, stdout } = list(['lint', '--allow', path, 'allowed.txt'])
    assert.equal(code, 1)
    assert.match(stdout, /^allowed\.txt:2:1: line 1 .* allows this too\nallowed\.txt:4:1: line 3 /)
  })
})

describe(
  'lists and what there is upstream',
  { skip: unavailable('docker-registry') ?? false, timeout: 60_000 },
  () => {
    let registry: DockerRegistry
    let settings: readonly string[]

    before(async () => {
      registry = await DockerRegistry.start()
      for (const [repository, tags] of [
        ['library/nginx', ['1.24', '1.25', '1.25-alpine', 'latest']],
        ['org/app', ['v1', 'v2-rc.1']],
      ] as const) {
        for (const tag of tags) {
          const image = buildImage({ seed: `${repository}:${tag}`, form: 'oci' })
          await pushImage(registry.url, repository, tag, image)
        }
      }
      settings = ['--registry', `docker.io=${registry.url}`, '--data', folder.join('data')]
    })
    after(() => registry.close())

    test('explain tells what each line stands for, and why not for others', () => {
      file('lines.txt', 'nginx:1.* newest=1 variant=alpine', 'nginx', 'org/app:v1', 'org/app:v3')
      const { code, stdout, said } = list(['explain', 'lines.txt', ...settings])
      assert.equal(code, 1, said)
      assert.match(
        stdout,
        /^line 1: nginx:1\.\* newest=1 variant=alpine: 1 image; docker\.io\/library\/nginx has 4 tags$/m,
      )
      assert.match(stdout, /^ {2}docker\.io\/library\/nginx:1\.25-alpine +matches +to fetch/m)
      assert.match(
        stdout,
        /not selected: 1 not matched \(latest\); 2 not of this variant \(1\.24, 1\.25\)/,
      )
      assert.match(stdout, /^line 2: nginx: 1 image of docker\.io\/library\/nginx$/m)
      assert.match(said, /4 lines stand for 4 images: 3 to fetch, 1 failed; 1 line fails/)
    })

    test('lines of a file that is included are told with its name', () => {
      file('inner.txt', 'nginx:1.25')
      file('outer.txt', '@defaults platforms=all', '@include inner.txt', 'org/app:v1')
      const { code, stdout } = list(['explain', 'outer.txt', ...settings])
      assert.equal(code, 0)
      assert.match(stdout, /^inner\.txt:1: nginx:1\.25: 1 image .*\n.*\n.* to fetch +all/m)
      assert.match(stdout, /^outer\.txt:3: /m)
    })

    test('as JSON for programs, and whole lines are a success', () => {
      const { code, stdout } = list(['explain', 'org/app:v*', '--json', ...settings])
      assert.equal(code, 0)
      const [line] = JSON.parse(stdout) as readonly { readonly images: readonly object[] }[]
      assert.equal(line?.images.length, 2)
    })

    test('lint --online finds what does not exist', () => {
      file('online.txt', 'nginx:1.25', 'org/app:v3', 'org/gone', 'org/app:v9.*')
      const { code, stdout, said } = list(['lint', '--online', 'online.txt', ...settings])
      assert.equal(code, 1, said)
      assert.deepEqual(
        stdout.split('\n').map((line) => line.split(':')[1]),
        ['2', '3', '4', undefined],
        stdout,
      )
    })

    test('a registry that is not served is found once', () => {
      file('unserved.txt', 'nginx:1.25', 'other.lan/app:1')
      const { code, stdout } = list(['lint', '--online', 'unserved.txt', ...settings])
      assert.equal(code, 1)
      assert.match(stdout, /^unserved\.txt:2:1: [^\n]*other\.lan[^\n]*\n$/)
    })

    test('a list of which nothing exists is one with findings', () => {
      file('nothing.txt', 'org/gone:1')
      assert.equal(list(['lint', '--online', 'nothing.txt', ...settings]).code, 1)
      assert.equal(list(['explain', 'nothing.txt', ...settings]).code, 1)
    })

    test('what could not be asked is no finding', async () => {
      const away = [`docker.io=http://127.0.0.1:${await freePort()}`, ...settings.slice(2)]
      file('away.txt', 'nginx:1.25')
      const { code, stdout, said } = list(['lint', '--online', 'away.txt', '--registry', ...away])
      assert.equal(code, 3, said)
      assert.equal(stdout, '')
      assert.match(said, /127\.0\.0\.1/)
      assert.match(said, /nothing was found in away\.txt, but upstream could not be asked/)
      assert.equal(list(['explain', 'nginx:1.25', '--offline', ...settings]).code, 3)
    })
  },
)
