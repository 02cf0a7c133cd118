import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { ConfigError } from '../../../src/errors.ts'
import { AccessFiles } from '../../../src/list-files/access-files.ts'
import type { AccessFilesOptions } from '../../../src/list-files/access-files.ts'
import { canonicalNamed, repositoryNamed } from '../../../src/mirror/target.ts'
import { addressing } from '../../support/addressing.ts'
import { TempFolder } from '../../support/temp-folder.ts'

class Setting implements AsyncDisposable {
  readonly folder = new TempFolder('access')
  readonly said: string[] = []
  readonly allow = this.folder.join('allows.txt')
  readonly block = this.folder.join('block.txt')

  write(path: string, ...lines: string[]): void {
    writeFileSync(path, `${lines.join('\n')}\n`)
  }

  open(files: Partial<Pick<AccessFilesOptions, 'allow' | 'block'>>): AccessFiles {
    const say = (text: string): void => void this.said.push(text)
    return new AccessFiles({
      ...{ allow: undefined, block: undefined, ...files },
      naming: (name) => canonicalNamed(name, addressing),
      log: { debug: say, info: say, warn: say, error: say },
    })
  }

  // What was said since the last call.
  heard(): string[] {
    return this.said.splice(0).map((each) => each.replaceAll(`${this.folder.path}/`, ''))
  }

  problems(files: Partial<Pick<AccessFilesOptions, 'allow' | 'block'>>): string[] {
    try {
      this.open(files)
    } catch (error) {
      assert.ok(error instanceof ConfigError)
      return error.problems.map((each) => each.replaceAll(`${this.folder.path}/`, ''))
    }
    throw new Error('it was taken')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder.close()
  }
}

function verdict(access: AccessFiles, name: string): string {
  const repository = repositoryNamed(name, addressing)
  assert.ok(repository)
  return access.verdict(repository, undefined)
}

suite('the files that say what may be had', () => {
  test('are read with what they include, and told of', async () => {
    await using setting = new Setting()
    setting.write(setting.folder.join('more.txt'), 'redis', 'ghcr.io/org/*')
    setting.write(setting.allow, 'nginx', '@include more.txt')
    setting.write(setting.block, 'ghcr.io/org/bad')
    const access = setting.open({ allow: setting.allow, block: setting.block })
    assert.deepEqual(
      ['nginx', 'redis', 'ghcr.io/org/app', 'ghcr.io/org/bad', 'node'].map((name) =>
        verdict(access, name),
      ),
      ['allowed', 'allowed', 'allowed', 'blocked', 'unlisted'],
    )
    assert.deepEqual(setting.heard(), [
      'only what allows.txt names is served (3 lines), and not what block.txt names (1 line)',
    ])
  })

  test('are refused with every problem of both', async () => {
    await using setting = new Setting()
    setting.write(setting.allow, 'ngi nx:1', '@include gone.txt')
    setting.write(setting.block, '!redis')
    const problems = setting.problems({ allow: setting.allow, block: setting.block })
    assert.equal(problems.length, 2)
    assert.match(problems[0] ?? '', /^allows.txt:2:10: there is no file gone.txt/)
    assert.match(problems[1] ?? '', /^block.txt:1:1: "!" stands in an allow list/)
    setting.write(setting.allow, 'ngi nx:1', 'a//b')
    assert.deepEqual(
      setting.problems({ allow: setting.allow }).map((each) => each.split(': ')[0]),
      ['allows.txt:1:5', 'allows.txt:2:3'],
    )
    rmSync(setting.allow)
    assert.match(
      setting.problems({ allow: setting.allow }).join('\n'),
      /^there is no file allows.txt/,
    )
  })

  test('are refused where one of them says nothing at all', async () => {
    await using setting = new Setting()
    setting.write(setting.allow, '# nothing yet', '!redis')
    assert.match(
      setting.problems({ allow: setting.allow }).join('\n'),
      /^allows.txt allows nothing:/,
    )
    setting.write(setting.block, '# nothing yet')
    assert.match(
      setting.problems({ block: setting.block }).join('\n'),
      /^block.txt blocks nothing: name repositories in it, or start without --block$/,
    )
    setting.write(setting.allow, 'dokcer.io/library/nginx', 'gcr.io/**')
    const problems = setting.problems({ allow: setting.allow })
    assert.equal(problems.length, 3)
    assert.match(problems[1] ?? '', /^allows.txt:2:1: .*does not serve the registry "gcr.io"/)
    assert.match(problems[2] ?? '', /^allows.txt allows nothing: this mirror serves none of the/)
    setting.write(setting.block, 'dokcer.io/library/nginx', 'gcr.io/**')
    const [first, , says, ...more] = setting.problems({ block: setting.block })
    assert.match(first ?? '', /^block.txt:1:1: .*does not serve the registry "dokcer.io"/)
    assert.match(says ?? '', /^block.txt blocks nothing: this mirror serves none of the registries/)
    assert.deepEqual(more, [])
  })

  test('are told of by those lines that count for nothing, at the start and when they change', async () => {
    await using setting = new Setting()
    const lines = [
      '@registry docker.io alias=hub.lan',
      'hub.lan/me/app',
      '!dokcer.io/library/nginx',
    ]
    setting.write(setting.allow, ...lines, 'ghcr.io/**')
    setting.write(setting.block, 'redis', 'gcr.io/*')
    const access = setting.open({ allow: setting.allow, block: setting.block })
    const [, ...told] = setting.heard()
    assert.equal(told.length, 2)
    assert.match(
      told[0] ?? '',
      /^allows.txt:3:1: this line counts for nothing: this mirror does not serve .*"dokcer.io"/,
    )
    assert.match(told[1] ?? '', /^block.txt:2:1: .*"gcr.io"/)
    setting.write(setting.block, 'redis', ...Array.from({ length: 13 }, (_, n) => `no${n}.test/*`))
    await access.look()
    const [, ...again] = setting.heard()
    // The line of the allow list among them.
    assert.deepEqual([again.length, again.at(-1)], [11, 'and 4 more'])
  })

  test('count from the next look on when one of them has changed, also by a link that was swapped', async () => {
    await using setting = new Setting()
    setting.write(setting.folder.join('1.txt'), 'nginx')
    setting.write(setting.folder.join('2.txt'), 'redis')
    symlinkSync('1.txt', setting.folder.join('more.txt'))
    setting.write(setting.allow, '@include more.txt')
    const access = setting.open({ allow: setting.allow })
    setting.heard()
    await access.look()
    assert.deepEqual(setting.heard(), [])
    symlinkSync('2.txt', setting.folder.join('new'))
    renameSync(setting.folder.join('new'), setting.folder.join('more.txt'))
    await access.look()
    assert.deepEqual(setting.heard(), ['read again: only what allows.txt names is served (1 line)'])
    assert.deepEqual([verdict(access, 'nginx'), verdict(access, 'redis')], ['unlisted', 'allowed'])
  })

  test('count as they last were right while one is wrong, empty or gone, which is said once', async () => {
    await using setting = new Setting()
    setting.write(setting.allow, 'nginx')
    const access = setting.open({ allow: setting.allow })
    for (const [spoil, said] of [
      [() => setting.write(setting.allow, 'redis', 'a//b'), /^allows.txt:2:3: /],
      [() => setting.write(setting.allow), /^allows.txt allows nothing/],
      [() => setting.write(setting.allow, '@include gone.txt'), /there is no file gone.txt/],
      [() => rmSync(setting.allow), /^there is no file allows.txt/],
    ] as const) {
      setting.heard()
      spoil()
      await access.look()
      await access.look()
      const [stays, problem, ...more] = setting.heard()
      assert.match(stays ?? '', /^what is served stays as it was/)
      assert.match(problem ?? '', said)
      assert.deepEqual(more, [])
      assert.deepEqual(
        [verdict(access, 'nginx'), verdict(access, 'redis')],
        ['allowed', 'unlisted'],
      )
    }
    setting.write(setting.allow, 'redis')
    await access.look()
    assert.deepEqual([verdict(access, 'nginx'), verdict(access, 'redis')], ['unlisted', 'allowed'])
  })

  test('a block list that is emptied or gone, or has a pipe in its place, blocks on', async () => {
    await using setting = new Setting()
    setting.write(setting.block, 'redis')
    const access = setting.open({ block: setting.block })
    for (const [spoil, said] of [
      [() => setting.write(setting.block), /^block.txt blocks nothing/],
      [() => setting.write(setting.block, 'dokcer.io/redis'), /^block.txt:1:1: .*"dokcer.io"/],
      [() => rmSync(setting.block), /^there is no file block.txt/],
      [() => execFileSync('mkfifo', [setting.block]), /^block.txt is not a file/],
    ] as const) {
      setting.heard()
      spoil()
      await access.look()
      assert.match(setting.heard()[1] ?? '', said)
      assert.equal(verdict(access, 'redis'), 'blocked')
    }
    assert.match(setting.problems({ block: setting.block }).join(), /^block.txt is not a file/)
  })

  test('an include that was not there is read once it is', async () => {
    await using setting = new Setting()
    setting.write(setting.allow, 'nginx')
    const access = setting.open({ allow: setting.allow })
    setting.write(setting.allow, 'nginx', '@include more.txt')
    await access.look()
    setting.write(setting.folder.join('more.txt'), 'redis')
    await access.look()
    assert.equal(verdict(access, 'redis'), 'allowed')
  })

  test('a hundred problems are told by the first of them', async () => {
    await using setting = new Setting()
    setting.write(setting.allow, ...Array.from({ length: 120 }, () => 'a//b'))
    const problems = setting.problems({ allow: setting.allow })
    assert.equal(problems.length, 101)
    assert.equal(problems.at(-1), 'and 20 more')
  })
})
