import assert from 'node:assert/strict'
import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { WatchedList } from '../../../src/list-files/watched-list.ts'
import { TempFolder } from '../../support/temp-folder.ts'

class Watched implements AsyncDisposable {
  readonly #temp = new TempFolder('watched')
  readonly file = this.#temp.join('mirror.txt')
  readonly told: string[] = []
  #list: WatchedList | undefined

  constructor(text: string) {
    this.write(text)
  }

  write(text: string, name = 'mirror.txt'): void {
    // As editors do: the next look is sure to see another file.
    writeFileSync(this.#temp.join('new'), text)
    renameSync(this.#temp.join('new'), this.#temp.join(name))
  }

  get list(): WatchedList {
    return (this.#list ??= new WatchedList(this.file))
  }

  /** What the look told, and of which images the list is now. */
  async look(): Promise<string[]> {
    this.told.length = 0
    await this.list.look({
      changed: ({ parsed }) => this.told.push(`changed ${parsed.entries.length}`),
      broken: (problems) => this.told.push(...problems),
    })
    const names = this.list.current.parsed.entries.map(({ name }) => name)
    return [...this.told.map((text) => text.replaceAll(this.file, 'LIST')), names.join(' ')]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temp.close()
  }
}

test('a list that is only touched, or saved as it was, is no news', async () => {
  await using watched = new Watched('app:1\n')
  assert.deepEqual(await watched.look(), ['app'])
  utimesSync(watched.file, new Date(0), new Date(0))
  assert.deepEqual(await watched.look(), ['app'])
  watched.write('app:1\n')
  assert.deepEqual(await watched.look(), ['app'])
})

test('what it includes is looked at too, also what was not there', async () => {
  await using watched = new Watched('app:1\n')
  await watched.look()
  watched.write('app:1\n@include more.txt\n')
  const [told, ...names] = await watched.look()
  assert.match(told ?? '', /^LIST:2:10: there is no file \S+more\.txt/)
  assert.deepEqual([names, await watched.look()], [['app'], ['app']])
  watched.write('web:1\n', 'more.txt')
  assert.deepEqual(await watched.look(), ['changed 2', 'app web'])
  watched.write('web:1\ndb:1\n', 'more.txt')
  assert.deepEqual(await watched.look(), ['changed 3', 'app web db'])
})

test('one that is wrong or gone is told once, and right again once', async () => {
  await using watched = new Watched('app:1\n')
  await watched.look()
  watched.write('app^1\n')
  assert.match((await watched.look())[0] ?? '', /^LIST:1:4: a ":" is missing/)
  assert.deepEqual(await watched.look(), ['app'])
  watched.write('# nothing\n')
  assert.match((await watched.look())[0] ?? '', /^there is no image in LIST: write one/)
  rmSync(watched.file)
  assert.match((await watched.look())[0] ?? '', /^there is no file LIST/)
  assert.deepEqual(await watched.look(), ['app'])
  watched.write('app:1\n')
  assert.deepEqual(await watched.look(), ['changed 1', 'app'])
})

test('of very many problems the first hundred are told, and how many more there are', async () => {
  await using watched = new Watched(Array.from({ length: 250 }, (_, n) => `app${n}^1\n`).join(''))
  const { lacking } = watched.list
  assert.deepEqual([lacking.length, lacking.at(-1)], [101, 'and 150 more'])
})

test('one that is wrong from the start is an empty one until it is right, and told once', async () => {
  await using watched = new Watched('app^1\n')
  assert.match(watched.list.lacking.join(), /a ":" is missing/)
  assert.deepEqual(await watched.look(), [''])
  watched.write('web^1\n')
  assert.match((await watched.look())[0] ?? '', /^LIST:1:4: a ":" is missing/)
  assert.deepEqual(await watched.look(), [''])
  watched.write('app:1\n')
  assert.deepEqual(await watched.look(), ['changed 1', 'app'])
  assert.deepEqual(watched.list.lacking, [])
  watched.write('app^1\n')
  assert.equal((await watched.look()).at(-1), 'app')
  assert.deepEqual(watched.list.lacking, [])
})
